"""What is said of the device that a model computes on."""

import pytest
import torch

from training.errors import PrefPaintError
from training.inpainting.diffusion.devices import describe_memory, pick_device


@pytest.mark.parametrize("kind", ["cuda", "xpu"])
def test_a_cards_memory_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = (5 * 2**30, 8 * 2**30)
    monkeypatch.setattr(getattr(torch, kind), "mem_get_info", lambda _device: memory)
    assert describe_memory(torch.device(kind)) == f"{kind.upper()}, 3.0 of 8.0 GB"


def test_a_card_whose_driver_does_not_tell_is_named_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_device: torch.device) -> tuple[int, int]:
        raise RuntimeError("The device doesn't support querying the available free memory.")

    monkeypatch.setattr(torch.xpu, "mem_get_info", fail)
    assert describe_memory(torch.device("xpu")) == "XPU"
    assert describe_memory(torch.device("cpu")) == "CPU"


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(PrefPaintError, match=r"no cuda device here\. Choose one of: auto, "):
        pick_device("cuda")
