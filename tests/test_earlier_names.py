"""Names of the first release still lead to what they meant, and say what it is called now."""

import importlib
import sys

import pytest

import trm_explore
from trm_explore.tasks.base import EARLIER_NAMES
from trm_explore.tasks.custom import CustomTask
from trm_explore.tasks.parity import ParityTask
from trm_explore.training import update


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


def test_attributes_of_a_task_go_by_their_earlier_names_too():
    task = ParityTask(8)
    for earlier, name in EARLIER_NAMES.items():
        with pytest.warns(DeprecationWarning, match=f"^Task.{earlier} is now {name}$"):
            assert getattr(task, earlier) == getattr(task, name)
    assert not hasattr(task, "chess")


def test_a_task_that_was_written_with_earlier_names_goes_on_working():
    with pytest.warns(DeprecationWarning) as warned:

        class Words(ParityTask):
            takes = ("size",)
            judges_without_labels = False

            def notes(self, inputs, answers):
                return ["odd"] * len(inputs)

    assert {str(w.message) for w in warned} == {
        f"Words.{name} is now {EARLIER_NAMES[name]}" for name in ("takes", "judges_without_labels", "notes")
    }
    words = Words(8)
    assert words.accepted_data_fields == ("size",) and words.has_rule_checker is False
    assert words.cell_annotations([0, 1], None) == ["odd", "odd"]

    class Own:
        rows, cols, vocab_size, judges_without_labels = 1, 2, 3, True
        sample = held_out = None

    with pytest.warns(DeprecationWarning, match="^Own.judges_without_labels is now has_rule_checker$"):
        assert CustomTask(Own()).has_rule_checker


def test_a_function_that_documents_named_has_its_earlier_name_too():
    with pytest.warns(DeprecationWarning, match="^go_back is now forward_backward$"):
        assert update.go_back is update.forward_backward
    with pytest.raises(AttributeError, match="has no attribute 'go_on'"):
        update.go_on  # noqa: B018
