"""Plants each fault of the lists in a copy of the code and runs the tests that should notice it.

python -m tools.mutants            all of them
python -m tools.mutants WORD...    those in whose name or file one of these words is

Exit status 1 if a fault was not detected, or could not be planted.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tools.mutants.faults import PlantedFault, WrongList, all_faults

#: Seconds for the tests of one fault; a test that hangs has detected it.
PATIENCE = 120
#: Exit statuses of pytest (docs.pytest.org, "Exit codes").
ALL_PASSED, SOME_FAILED = 0, 1
#: Any other status means that the tests cannot even be imported.
SAID = {ALL_PASSED: "MISSED ", SOME_FAILED: "noticed"}
#: What a copy shares with the checkout: test servers.
SHARED = ".cache"


def main(words: Sequence[str]) -> int:
    faults = [fault for fault in all_faults() if _is_chosen(fault, words)]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "copy"
        _copy_to(copy)
        for tests in sorted({tuple(fault.tests) for fault in faults}):
            if (status := _status_of_tests(tests, copy)) != ALL_PASSED:
                raise WrongList(f"without a fault pytest ends with {status}: {' '.join(tests)}")
        missed = [fault.name for fault in faults if not _is_noticed(fault, copy)]
    print(f"{len(faults) - len(missed)} of {len(faults)} faults were detected.")
    return 1 if missed else 0


def _is_chosen(fault: PlantedFault, words: Sequence[str]) -> bool:
    return not words or any(word in fault.name or word in fault.file for word in words)


def _copy_to(copy: Path) -> None:
    """All files that git tracks or would add, with their current content."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (source := Path(name)).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy / name)
    if (shared := Path(SHARED)).exists() and not (copy / SHARED).exists():
        (copy / SHARED).symlink_to(shared.resolve())


def _is_noticed(fault: PlantedFault, copy: Path) -> bool:
    """Whether a test failed. Raises WrongList if `old` is not in the file."""
    file = copy / fault.file
    text = file.read_text(encoding="utf-8")
    began = time.monotonic()
    file.write_text(fault.planted(text), encoding="utf-8")
    try:
        status = _status_of_tests(fault.tests, copy)
    finally:
        file.write_text(text, encoding="utf-8")
    said = SAID.get(status, "NO CODE")
    print(f"{said}  {time.monotonic() - began:5.1f} s  {fault.file}: {fault.name}", flush=True)
    return status == SOME_FAILED


def _status_of_tests(tests: Sequence[str], copy: Path) -> int:
    # No bytecode: after two edits within a second, Python would reuse that of the first.
    command = [sys.executable, "-B", "-m", "pytest", "-xq", "-p", "no:cacheprovider", *tests]
    try:
        ended = subprocess.run(
            command, cwd=copy, timeout=PATIENCE, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired:
        return SOME_FAILED
    return ended.returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except WrongList as wrong:
        sys.exit(f"tools/mutants: {wrong}")
