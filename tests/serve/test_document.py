"""The API keeps what its own document says, whatever is sent."""

import schemathesis
from hypothesis import HealthCheck, given, settings


def test_schemathesis_finds_nothing(server):
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    asked = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        asked.add(operation.path)

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def keeps_to_it(case):
            case.call_and_validate()

        keeps_to_it()
    assert "/predict/batch" in asked
