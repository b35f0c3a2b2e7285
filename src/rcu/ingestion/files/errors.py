"""Refusals of a whole file; a refused row is told beside the row instead."""

from __future__ import annotations

from rcu.errors import RcuError


class FileRefusedError(RcuError):
    """The file cannot be read as a list of records, or it is not clear what it holds."""

    status = 422
    code = "file_refused"


class MappingRefusedError(RcuError):
    """The mapping file does not say how the columns become fields; the message says where."""

    status = 422
    code = "mapping_refused"
