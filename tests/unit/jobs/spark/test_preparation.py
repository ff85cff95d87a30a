"""What `make prepare` compiles."""

from jobs.launcher.checkout import CHECKOUT, PACKAGES
from jobs.spark.preparation import KERNELS


def test_every_kernel_is_compiled_once() -> None:
    compiled = [module for modules in KERNELS for module in modules]
    paths = (path for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py"))
    kernels = [
        ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
        for path in paths
        if "@numba.njit" in path.read_text(encoding="utf-8")
    ]
    assert sorted(compiled) == sorted(kernels)
