"""Settings of a list."""

import pytest

from campaigns import settle
from churn.errors import ChurnError


def test_settings_out_of_range_are_all_named():
    with pytest.raises(ChurnError) as caught:
        settle(
            {"acceptance": "2"}, budget=0, control=0.9, as_of="tomorrow", output="calls.xlsx",
            campaign="",
        )  # fmt: skip
    named = {problem.split(" ")[0] for problem in caught.value.problems}
    assert named == {"--acceptance", "--budget", "--control", "--as-of", "--output", "--campaign"}
