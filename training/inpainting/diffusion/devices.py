"""Where a model computes, in which precision, and with how much memory."""

import torch

from training.errors import PrefPaintError
from training.inpainting.settings import DeviceName, DtypeName

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def pick_device(name: DeviceName) -> torch.device:
    """The named device, or with "auto" the fastest there is. ROCm counts as "cuda", as in torch.

    Raises PrefPaintError when the named one is not there.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "xpu": torch.xpu.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if not available[name]:
        found = ", ".join(kind for kind, there in available.items() if there)
        raise PrefPaintError(f"There is no {name} device here. Choose one of: auto, {found}.")
    return torch.device(name)


def pick_dtype(name: DtypeName, device: torch.device) -> torch.dtype:
    """The named precision, or with "auto" the fastest that is safe on the device.

    bf16 has the range of fp32, so it is preferred where the card computes in it.
    """
    if name != "auto":
        return _DTYPES[name]
    if device.type == "cuda":
        return torch.bfloat16 if computes_in_bf16(device) else torch.float16
    return {"xpu": torch.bfloat16, "mps": torch.float16}.get(device.type, torch.float32)


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bf16. A processor without them takes twice as long
    as in fp32."""
    if device.type == "cpu":
        can = torch.cpu.get_capabilities()
        return bool(can.get("amx_bf16") or can.get("avx512_bf16") or can.get("bf16"))
    return device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)


def describe_memory(device: torch.device) -> str:
    """Such as "CUDA, 3.1 of 8.0 GB"; the device alone where its memory cannot be told."""
    name = device.type.upper()
    if device.type == "mps":
        used, total = torch.mps.driver_allocated_memory(), torch.mps.recommended_max_memory()
    elif device.type in ("cuda", "xpu"):
        try:
            free, total = getattr(torch, device.type).mem_get_info(device)
        except RuntimeError:  # some of Intel's drivers do not tell
            return name
        used = total - free
    else:
        return name
    return f"{name}, {used / 2**30:.1f} of {total / 2**30:.1f} GB"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device's, or the machine's, memory is full."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text or "alloc_failed" in text
    )


def free_memory(device: torch.device) -> None:
    """Give cached memory back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    elif device.type == "xpu":
        torch.xpu.empty_cache()
