"""Clients that keep a server busy."""

import json
import random
import threading
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException


class Load:
    """Four clients that each predict customers of their own, one after the other.

    Attributes
    ----------
    answered : dict
        The record and the answer, by prediction.
    """

    def __init__(self, server, records, refused_is_fine: bool = False):
        self.server, self.records = server, records
        self.refused_is_fine = refused_is_fine
        self.answered = {}
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(4)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join()

    def _ask(self, which: int) -> None:
        number = 0
        while not self.done.is_set():
            with closing(HTTPConnection("127.0.0.1", self.server.port, timeout=30)) as connection:
                try:
                    while not self.done.is_set():
                        number += 1
                        self._ask_once(connection, f"{which}-{number}")
                except (OSError, HTTPException):
                    time.sleep(0.01)  # its worker was killed

    def _ask_once(self, connection: HTTPConnection, customer: str) -> None:
        record = random.choice(self.records) | {"customer_id": customer}
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/predict", json.dumps(record), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        if self.refused_is_fine and response.status == 503:
            return
        assert response.status == 200, answer
        self.answered[answer["prediction"]] = (record, answer)
