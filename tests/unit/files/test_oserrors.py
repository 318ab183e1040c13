"""One translation of what the system says."""

from __future__ import annotations

import errno

import pytest

from tapegit.errors import StorageError
from tapegit.files.oserrors import storage_error, storage_errors


def test_a_system_error_becomes_one_with_path_number_and_cause(tmp_path):
    """The message says what was to be done, to what, and why it was not."""
    with pytest.raises(StorageError) as caught, storage_errors("write", tmp_path):
        raise OSError(errno.ENOSPC, "anything")

    assert caught.value.message == f"cannot write '{tmp_path}': no space left on device"
    assert caught.value.fields == {"path": tmp_path, "errno": errno.ENOSPC}
    assert isinstance(caught.value.__cause__, OSError)
    assert "free some space" in caught.value.hint


def test_other_errors_pass(tmp_path):
    """Nothing else is caught."""
    with pytest.raises(KeyError), storage_errors("write", tmp_path):
        raise KeyError


def test_an_error_without_a_number_keeps_its_text():
    """Libraries raise OSError with a text alone."""
    error = storage_error(OSError("odd"), "map", "x")

    assert error.message == "cannot map 'x': odd"
    assert error.fields["errno"] is None
