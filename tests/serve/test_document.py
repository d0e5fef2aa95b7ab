"""The API conforms to its OpenAPI document, for any request."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

# No schema says that a day has to have come; `test_outcome_route.py` looks at what is accepted.
EXCLUDED = {"/outcomes": [positive_data_acceptance]}


@pytest.mark.scheduled
def test_schemathesis_finds_nothing(server):
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    asked = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        asked.add(operation.path)

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def keeps_to_it(case):
            case.call_and_validate(excluded_checks=EXCLUDED.get(case.operation.path))

        keeps_to_it()
    assert {"/predict/batch", *EXCLUDED} <= asked
