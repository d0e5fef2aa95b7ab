"""The desk of the retention team: its daily work, in the browser.

`access` decides who may see a page and signs people in, `calls` is the list of the day, `customers`
one customer, `results` what calling brought, `health` the models and the verdicts on them, `plan`
what a budget brings. All of them read the database of the prediction log (`stores`); none needs
pandas.
"""
