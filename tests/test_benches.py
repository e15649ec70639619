"""The benches are run by hand; here only that they still fit the code."""

import pkgutil
from importlib import import_module

import pytest

from tests import bench

NAMES = [module.name for module in pkgutil.iter_modules(bench.__path__) if module.name[0] != "_"]


@pytest.mark.parametrize("name", NAMES)
def test_a_bench_finds_what_it_measures(name: str) -> None:
    assert import_module(f"tests.bench.{name}").__doc__
