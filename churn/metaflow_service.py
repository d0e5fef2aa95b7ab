"""A time limit for requests to Metaflow's metadata service.

Metaflow waits without an end for a service that takes a request and does not answer it: a pod would
hang until its own time limit, and a command forever. With a limit Metaflow's own retries apply, and
then there is an error.
"""

from functools import partial

# A request takes milliseconds. Metaflow tries it five times within a minute.
REQUEST_SECONDS = 10


def limit_requests(seconds: float = REQUEST_SECONDS) -> None:
    """Limit how long a request of this process may wait for an answer.

    Uses `ServiceMetadataProvider._session`, the `requests.Session` of all requests.

    Parameters
    ----------
    seconds : float
        To connect, and between two bytes of the answer.
    """
    from metaflow.plugins.metadata_providers.service import ServiceMetadataProvider

    session = ServiceMetadataProvider._session
    vars(session)["request"] = partial(type(session).request, session, timeout=seconds)
