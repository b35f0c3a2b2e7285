"""What the bulk engines refuse."""

from __future__ import annotations

from pathlib import Path

from rcu.errors import RcuError


class EngineMissingError(RcuError):
    """The engine needs packages that the service itself does without."""

    code = "engine_missing"

    def __init__(self, *, engine: str, extra: str) -> None:
        super().__init__(f"The engine {engine} is not installed: pip install 'rcu[{extra}]'.")


class JavaMissingError(RcuError):
    """Spark runs on Java, and there is none, or one that is too old."""

    code = "java_missing"

    def __init__(self, found: str | None) -> None:
        said = f"the one here says {found}" if found else "there is none here"
        super().__init__(
            f"Spark needs Java 17 or newer; {said}. Install one (Debian, Ubuntu: apt install "
            "openjdk-17-jre-headless), or name it with JAVA_HOME."
        )


class ScratchFullError(RcuError):
    """The disk has no room for the files that bulk work keeps while it runs."""

    status = 507
    code = "scratch_full"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"There is no room left in {folder} for the files of this work, which were deleted. "
            "Make room, or name another folder with TMPDIR, and give the command again."
        )


class NotAFirstLoadError(RcuError):
    """A first load is for a database that knows nobody yet."""

    status = 409
    code = "not_a_first_load"

    def __init__(self) -> None:
        super().__init__(
            "The database has profiles already, and --bulk is for a first load: "
            "give the same command without it."
        )


class LoadOvertakenError(RcuError):
    """What came while the file was read is about its rows."""

    status = 409
    code = "load_overtaken"

    def __init__(self) -> None:
        super().__init__(
            "Meanwhile a sale named a record of the file, a message took the id of one of its "
            "rows, or a steward declared an identifier. Nothing was written: give the same "
            "command again."
        )


class OnlyProfilesError(RcuError):
    """A first load takes profiles only."""

    status = 409
    code = "only_profiles"

    def __init__(self, found: str) -> None:
        super().__init__(f"The rows are {found}s, and --bulk is for profiles: leave it out.")


class ConsentsLeftOutError(RcuError):
    """A first load takes no consents with its profiles."""

    status = 409
    code = "consents_left_out"

    def __init__(self) -> None:
        super().__init__(
            "The file has a column of consents, which --bulk does not take: leave it out, or "
            "ignore the column and import the consents as a file of their own."
        )
