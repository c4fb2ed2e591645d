"""`python -m tests.unit.orderctl.stack.a_parent`: a process with a child, like gunicorn."""

import os
import subprocess
import sys
import time

if __name__ == "__main__":
    print(os.environ.get("GREETING"), flush=True)
    child = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(child) as worker:
        worker.wait()
        # It outlives its worker; gunicorn would start a new one now.
        time.sleep(600)
