"""Score customers from Python, with the champion.

python examples/score.py     (after `make run`)
"""

import churn
from churn.data.readers import load_table

model = churn.load("champion")
print(model)

customers = load_table("telco").head(5)
risk = model.predict_proba(customers)[:, 1]
pays = model.predict(customers)
reasons = model.explain(customers)

for row, (probability, call) in enumerate(zip(risk, pays, strict=True)):
    strongest = reasons[reasons["row"] == row].iloc[0]
    print(
        f"{customers['customer_id'].iloc[row]}: {probability:.1%}, "
        f"{'call' if call else 'no call'}; {strongest['feature']} = {strongest['value']} "
        f"adds {strongest['contribution']:+.1%}"
    )
