"""The cache of machine code: what is inlined from another file counts as well."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import neutrams.kernels

INNER = "from neutrams.kernels.compiled import kernel\n\n@kernel\ndef inner(x: int) -> int:\n    return x + {}\n"
OUTER = """from neutrams.kernels.compiled import kernel
from neutrams.kernels.inner import inner

@kernel
def outer(x: int) -> int:
    return inner(x)
"""
SCRIPT = "from neutrams.kernels.outer import outer; print(outer(1), sum(outer.stats.cache_hits.values()))"


def run(package: Path, cache: Path) -> list[int]:
    environment = os.environ | {"PYTHONPATH": str(package), "XDG_CACHE_HOME": str(cache), "HOME": str(cache)}
    answer = subprocess.run(
        [sys.executable, "-B", "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    return [int(word) for word in answer.stdout.split()]


def test_machine_code_is_never_older_than_what_it_inlines(tmp_path: Path) -> None:
    kernels = tmp_path / "neutrams" / "kernels"
    kernels.mkdir(parents=True)
    (tmp_path / "neutrams" / "__init__.py").touch()
    for name in ("__init__.py", "compiled.py"):
        shutil.copy(Path(neutrams.kernels.__file__).with_name(name), kernels)
    (kernels / "outer.py").write_text(OUTER)
    (kernels / "inner.py").write_text(INNER.format(1))
    assert run(tmp_path, tmp_path) == [2, 0]
    assert run(tmp_path, tmp_path) == [2, 1]
    (kernels / "inner.py").write_text(INNER.format(2))
    assert run(tmp_path, tmp_path) == [3, 0]
