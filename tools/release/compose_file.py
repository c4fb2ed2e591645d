"""`python -m tools.release.compose_file IMAGES VERSION`: a Compose file that needs no checkout.

It is `docker-compose.yml` with published images instead of builds, with the contents of the files
that are mounted there, and with the values of `.env` as defaults. It is printed as JSON, which is
YAML as well. IMAGES is the prefix of the images' names, such as `ghcr.io/owner/order-pipeline`.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BUILT_HERE = "order-pipeline/"
#: A variable without a default. `$$` is an escaped dollar sign.
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)\}")

Document = dict[str, Any]


def standalone(
    compose: Document, environment: Mapping[str, str], *, images: str, version: str
) -> Document:
    """The document with these images, and with mounted files as `configs`."""
    made = {key: value for key, value in compose.items() if not key.startswith("x-")}
    # Without the names that Compose derives from this project's.
    made |= {"networks": {}, "volumes": {key: {} for key in compose["volumes"]}, "configs": {}}
    for service in made["services"].values():
        service.pop("build", None)
        if service["image"].startswith(BUILT_HERE):
            name = service["image"].removeprefix(BUILT_HERE)
            service["image"] = f"{images}/{name}:{version}"
        _inline_files(service, made["configs"])
    with_defaults: Document = json.loads(
        VARIABLE.sub(lambda found: _default(found, environment), json.dumps(made))
    )
    return with_defaults


def _default(found: re.Match[str], environment: Mapping[str, str]) -> str:
    return f"${{{found[1]}:-{environment[found[1]]}}}"


def _inline_files(service: Document, configs: Document) -> None:
    mounts = service.pop("volumes", [])
    files = [each for each in mounts if each["type"] == "bind"]
    if others := [each for each in mounts if each["type"] != "bind"]:
        service["volumes"] = others
    if files:
        # Compose copies such a file into the container, which must not be read-only then.
        service["read_only"] = False
        service["configs"] = [_config(each, configs) for each in files]


def _config(mount: Document, configs: Document) -> Document:
    file = Path(mount["source"])
    name = f"{file.parent.name}-{file.name}".replace(".", "-")
    configs[name] = {"content": file.read_text().replace("$", "$$")}
    return {"source": name, "target": mount["target"]}


def defaults(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if "=" in line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)


def main(images: str, version: str) -> None:
    words = ["docker", "compose", "--profile", "*", "config", "--no-interpolate"]
    printed = subprocess.run(
        [*words, "--format", "json"], check=True, capture_output=True, text=True
    ).stdout
    made = standalone(json.loads(printed), defaults(Path(".env")), images=images, version=version)
    sys.stdout.write(f"{json.dumps(made, indent=2)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
