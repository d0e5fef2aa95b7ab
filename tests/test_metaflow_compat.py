"""Undocumented interfaces of Metaflow, and the client's cache on a shared machine."""

import inspect
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from churn.metaflow_compat import NO_RETRY
from churn.metaflow_service import limit_requests
from running import ROOT, flow_command, flow_environment

NOBODY = 65534


def test_the_interfaces_of_metaflow_are_those_that_are_used():
    """An upgrade of Metaflow changed what `churn.metaflow_compat` uses: see the name below."""
    from metaflow import FlowSpec, Parameter, metaflow_config, parameters
    from metaflow.client import DataArtifact, Task
    from metaflow.datastore import FlowDataStore
    from metaflow.exception import METAFLOW_EXIT_DISALLOW_RETRY
    from metaflow.plugins.cards.card_datastore import CardDatastore
    from metaflow.plugins.datastores.local_storage import LocalStorage

    # Imported outside a flow it would not find the flow's Configs, so only its text is looked at.
    cli = Path(inspect.getfile(parameters)).with_name("cli.py").read_text()
    main = "def main(flow, args=None, handle_exceptions=True, entrypoint=None)"
    assert main in cli, "metaflow.cli.main"
    assert "def print_metaflow_exception(ex)" in cli, "metaflow.cli.print_metaflow_exception"
    assert hasattr(parameters, "flow_context"), "metaflow.parameters.flow_context"
    assert hasattr(LocalStorage, "datastore_root"), "LocalStorage.datastore_root"
    assert hasattr(Task, "metadata_dict"), "metaflow.Task.metadata_dict"
    assert "self._datastore = datastore" in inspect.getsource(FlowSpec), "FlowSpec._datastore"
    assert hasattr(FlowDataStore, "load_data"), "metaflow.datastore.FlowDataStore.load_data"
    assert {"ds_type", "location", "sha"} <= set(
        inspect.getsource(DataArtifact.data.fget).split('"')
    )
    assert list(inspect.signature(CardDatastore.get_storage_root).parameters) == ["storage_type"], (
        "CardDatastore.get_storage_root"
    )
    assert METAFLOW_EXIT_DISALLOW_RETRY == NO_RETRY, "METAFLOW_EXIT_DISALLOW_RETRY"
    given = {"default", "type", "help"}
    assert given <= set(Parameter("any")._override_kwargs), "Parameter._override_kwargs"
    assert hasattr(metaflow_config, "CLIENT_CACHE_PATH"), "metaflow_config.CLIENT_CACHE_PATH"


def test_a_metadata_service_that_does_not_answer_is_an_error():
    """Metaflow itself waits for it without an end."""
    from metaflow.plugins.metadata_providers.service import ServiceMetadataProvider

    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel takes the connection
        limit_requests(0.2)
        try:
            with pytest.raises(requests.ReadTimeout):
                ServiceMetadataProvider._session.get(f"http://127.0.0.1:{silent.getsockname()[1]}")
        finally:
            limit_requests()


def cache_of(**environment: str) -> subprocess.CompletedProcess:
    """Where the client of a new process keeps its pickles."""
    script = (
        "from churn.errors import ChurnError\nfrom churn.metaflow_compat import client\n"
        "try:\n client()\nexcept ChurnError as error:\n raise SystemExit(str(error))\n"
        "from metaflow.client.filecache import FileCache\nprint(FileCache()._cache_dir)"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )


def test_the_client_keeps_its_pickles_where_nobody_else_can_write(tmp_path):
    done = cache_of(HOME=str(tmp_path))
    folder = Path(done.stdout.strip())
    assert folder.is_relative_to(tmp_path), done.stderr
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_without_a_home_the_cache_is_still_the_users_own(tmp_path):
    done = cache_of(HOME="/proc/none", TMPDIR=str(tmp_path))
    folder = Path(done.stdout.strip())
    assert folder.is_relative_to(tmp_path), done.stderr
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_a_cache_that_others_can_write_to_is_refused(tmp_path):
    tmp_path.chmod(0o777)
    done = cache_of(METAFLOW_CLIENT_CACHE_PATH=str(tmp_path))
    assert done.returncode == 1
    assert f"The folder {tmp_path} cannot be used:" in done.stderr


def test_a_flow_refuses_such_a_cache_before_metaflow_is_imported(tmp_path):
    tmp_path.chmod(0o777)
    environment = flow_environment(METAFLOW_CLIENT_CACHE_PATH=str(tmp_path))
    done = subprocess.run(
        flow_command("show"), env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"The folder {tmp_path} cannot be used:")
    assert not list(tmp_path.iterdir())
