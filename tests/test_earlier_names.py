"""Modules of the first release can still be imported by their old names, and say where they stand now."""

import importlib
import sys

import pytest

import trm_explore


@pytest.mark.parametrize("name", trm_explore.MOVED)
def test_an_earlier_name_leads_to_the_module_of_today(name):
    sys.modules.pop(f"trm_explore.{name}", None)
    with pytest.warns(DeprecationWarning, match=f"^trm_explore.{name} is now trm_explore.{trm_explore.MOVED[name]}; "):
        found = importlib.import_module(f"trm_explore.{name}")
    assert found is importlib.import_module(f"trm_explore.{trm_explore.MOVED[name]}")


def test_what_documents_of_the_first_release_import_is_there():
    with pytest.warns(DeprecationWarning):
        for name in ("checkpoint", "published", "run_folder", "trajectory"):
            sys.modules.pop(f"trm_explore.{name}", None)
        from trm_explore.checkpoint import load_checkpoint  # noqa: F401
        from trm_explore.published import load_published  # noqa: F401
        from trm_explore.run_folder import read_events  # noqa: F401
        from trm_explore.trajectory import record  # noqa: F401


def test_another_unknown_name_is_unknown():
    with pytest.raises(ModuleNotFoundError, match="trm_explore.nowhere"):
        importlib.import_module("trm_explore.nowhere")
