"""What lies at a path is told rightly, and what cannot fill is refused by a sentence that helps."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.checkpoints import (
    TEXT_WIDTHS,
    ldm_shapes,
    lora_shapes,
    make_pipeline,
    save_tensors,
    write_json,
)
from tests.training.tiny_models import Kind, save_pipeline
from training.errors import PrefPaintError
from training.inpainting.checkpoint_files import (
    CheckpointInfo,
    check_lora,
    identify,
    identify_lora,
    refuse_pipeline_that_cannot_fill,
)
from training.reward.scorer import builtin_reward_path

UNET_WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def refusal(path: Path) -> str:
    with pytest.raises(PrefPaintError) as caught:
        identify(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
@pytest.mark.parametrize("channels", [4, 9])
def test_a_file_is_told_by_its_header(tmp_path: Path, family: str, channels: int) -> None:
    path = save_tensors(tmp_path / "model.safetensors", ldm_shapes(family, channels))
    info = identify(path)
    assert (info.kind, info.family, info.channels) == ("file", family, channels)
    assert info.size_bytes == path.stat().st_size


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_a_file_of_unusual_width_is_told_by_its_text_encoder(tmp_path: Path, family: str) -> None:
    shapes = {
        name: (8, 32) if "attn2" in name else shape for name, shape in ldm_shapes(family).items()
    }
    assert identify(save_tensors(tmp_path / "tiny.safetensors", shapes)).family == family


@pytest.mark.parametrize(
    ("pipeline", "width", "channels", "family"),
    [
        ("StableDiffusionInpaintPipeline", 768, 9, "sd1"),
        ("StableDiffusionPipeline", 768, 4, "sd1"),
        ("StableDiffusionInpaintPipeline", 1024, 9, "sd2"),
        ("StableDiffusionInpaintPipeline", 32, 9, "sd1"),
        ("StableDiffusionXLInpaintPipeline", 2048, 9, "sdxl"),
        ("StableDiffusionXLPipeline", 32, 4, "sdxl"),
        ("KandinskyV22InpaintPipeline", 768, 9, "other"),
    ],
)
def test_a_folder_is_told_by_its_class_and_width(
    tmp_path: Path, pipeline: str, width: int, channels: int, family: str
) -> None:
    folder = make_pipeline(tmp_path / "model", pipeline, channels, width)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert identify(folder) == CheckpointInfo("folder", family, channels, pipeline, size)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "family", "channels"),
    [("sd-inpaint", "sd1", 9), ("sd-plain", "sd1", 4), ("sdxl-inpaint", "sdxl", 9)],
)
def test_what_diffusers_itself_saves_is_told(
    tmp_path: Path, kind: Kind, family: str, channels: int
) -> None:
    info = identify(save_pipeline(tmp_path / "model", kind))
    assert (info.kind, info.family, info.channels) == ("folder", family, channels)


def test_a_transformer_pipeline_is_of_another_family(tmp_path: Path) -> None:
    folder = make_pipeline(tmp_path / "flux")
    (folder / "unet").rename(folder / "transformer")
    index = json.loads((folder / "model_index.json").read_text())
    index["transformer"] = index.pop("unet")
    for pipeline in ("FluxFillPipeline", "StableDiffusion3InpaintPipeline"):
        write_json(folder / "model_index.json", {**index, "_class_name": pipeline})
        assert identify(folder).family == "other"


def test_weights_in_half_precision_alone_are_said_to_be(tmp_path: Path) -> None:
    folder = make_pipeline(tmp_path / "model", variant="fp16")
    assert identify(folder).variant == "fp16"
    save_tensors(folder / UNET_WEIGHTS, {"weight": (4, 4)})
    assert identify(folder).variant == "fp16"  # of the other parts
    make_pipeline(folder)
    assert identify(folder).variant == ""


def test_pickled_weights_in_a_folder_are_said_to_be(tmp_path: Path) -> None:
    folder = make_pipeline(tmp_path / "model")
    assert not identify(folder).is_pickled
    (folder / UNET_WEIGHTS).with_suffix(".bin").write_bytes(b"PK\x03\x04 pickled")
    assert not identify(folder).is_pickled
    (folder / UNET_WEIGHTS).unlink()
    assert identify(folder).is_pickled


def test_shards_count_when_all_are_there(tmp_path: Path) -> None:
    folder = make_pipeline(tmp_path / "model")
    whole = folder / UNET_WEIGHTS
    first, second = (whole.with_stem(f"diffusion_pytorch_model-0000{n}-of-00002") for n in (1, 2))
    whole.rename(first)
    assert "unet (some of its weights)" in refusal(folder)
    second.write_bytes(first.read_bytes())
    assert identify(folder).family == "sd1"


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (UNET_WEIGHTS, "unet (its weights)"),
        ("unet/config.json", "unet (config.json)"),
        ("tokenizer/vocab.json", "tokenizer (tokenizer.json)"),
        ("scheduler/scheduler_config.json", "scheduler (scheduler_config.json)"),
    ],
)
def test_an_incomplete_folder_is_named_with_what_it_lacks(
    tmp_path: Path, missing: str, said: str
) -> None:
    folder = make_pipeline(tmp_path / "model")
    (folder / missing).unlink()
    sentence = refusal(folder)
    assert f"lacks {said}." in sentence
    (folder / "vae/config.json").unlink()
    (folder / "vae/diffusion_pytorch_model.safetensors").unlink()
    (folder / "vae").rmdir()
    assert all(part in refusal(folder) for part in (said, "vae"))


@pytest.mark.parametrize("component", ["unet", "vae"])
def test_a_pipeline_without_its_main_parts_is_refused(tmp_path: Path, component: str) -> None:
    folder = make_pipeline(tmp_path / "model")
    index = json.loads((folder / "model_index.json").read_text())
    write_json(folder / "model_index.json", {**index, component: [None, None]})
    assert f"lacks {component}." in refusal(folder)


def test_a_folder_that_is_no_pipeline_is_refused_with_what_to_name(tmp_path: Path) -> None:
    assert "no diffusers pipeline" in refusal(tmp_path)
    pipeline = make_pipeline(tmp_path / "snapshots" / "abc")
    assert f"There is one in {pipeline}" in refusal(tmp_path)
    assert "one part of a pipeline" in refusal(pipeline / "vae")
    lone = save_tensors(tmp_path / "files" / "photo.safetensors", ldm_shapes())
    assert "photo.safetensors" in refusal(lone.parent)


@pytest.mark.parametrize(
    "pipeline", ["AudioLDM2Pipeline", "PixArtAlphaPipeline", "WanPipeline", "StableAudioPipeline"]
)
def test_a_pipeline_that_cannot_inpaint_is_refused(tmp_path: Path, pipeline: str) -> None:
    assert f"is a {pipeline}" in refusal(make_pipeline(tmp_path / "model", pipeline))


def test_every_pipeline_that_diffusers_inpaints_with_is_let_in() -> None:
    from diffusers.pipelines import auto_pipeline

    inpainting = auto_pipeline.AUTO_INPAINT_PIPELINES_MAPPING
    relatives = [
        made.__name__
        for mapping in (
            inpainting,
            auto_pipeline.AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
            auto_pipeline.AUTO_IMAGE2IMAGE_PIPELINES_MAPPING,
        )
        for kind, made in mapping.items()
        if kind in inpainting
    ]
    assert len(relatives) > 20
    for name in relatives:
        refuse_pipeline_that_cannot_fill(name, name)


@pytest.mark.parametrize("channels", [5, 7, 8])
def test_a_unet_for_another_task_is_refused(tmp_path: Path, channels: int) -> None:
    folder = make_pipeline(tmp_path / "model", "StableDiffusionPipeline", channels)
    file = save_tensors(tmp_path / "model.safetensors", ldm_shapes("sd1", channels))
    for path in (folder, file):
        assert f"reads {channels} channels" in refusal(path)


def test_a_model_that_brings_its_own_program_is_refused(tmp_path: Path) -> None:
    folder = make_pipeline(tmp_path / "model")
    write_json(folder / "model_index.json", {"_class_name": ["my_pipeline", "Mine"]})
    assert "asks to run a program" in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b'{"unet": 1}'])
def test_a_damaged_index_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = make_pipeline(tmp_path / "model")
    (folder / "model_index.json").write_bytes(content)
    assert "does not say which pipeline" in refusal(folder)
    make_pipeline(folder)
    (folder / "unet/config.json").write_bytes(content if content != b'{"unet": 1}' else b"{")
    assert "unet/config.json is damaged" in refusal(folder)


def cut_data(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def cut_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def cut_length(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5])


def add_data(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def claim_gigabytes(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 1 << 62) + path.read_bytes()[8:])


def break_json(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:8] + b"!" + content[9:])


def list_as_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2) + b"[]")


def no_tensors(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2) + b"{}")


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def pickle(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + path.read_bytes())


def pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n")


def web_page(path: Path) -> None:
    path.write_text("<!DOCTYPE html><html>Sign in</html>")


DAMAGES = [
    (cut_data, "cut short"),
    (cut_header, "cut short"),
    (cut_length, "cut short"),
    (add_data, "damaged"),
    (claim_gigabytes, "no safetensors file"),
    (break_json, "no safetensors file"),
    (list_as_header, "no safetensors file"),
    (no_tensors, "holds no weights"),
    (nothing, "is empty"),
    (pickle, "pickled"),
    (pointer, "git lfs pull"),
    (web_page, "a web page"),
]


@pytest.mark.parametrize(("damage", "said"), DAMAGES)
def test_a_damaged_file_is_refused_alone_and_in_a_folder(
    tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    file = save_tensors(tmp_path / "model.safetensors", ldm_shapes())
    folder = make_pipeline(tmp_path / "model")
    assert (identify(file).kind, identify(folder).kind) == ("file", "folder")
    damage(file)
    assert said in refusal(file)
    damage(folder / UNET_WEIGHTS)
    assert said in refusal(folder)
    assert str(folder / UNET_WEIGHTS) in refusal(folder)


def test_a_header_whose_length_looks_like_a_pickle_is_read(tmp_path: Path) -> None:
    path = save_tensors(tmp_path / "model.safetensors", ldm_shapes())
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = content[8 : 8 + length].ljust(640)
    path.write_bytes(struct.pack("<Q", 640) + header + content[8 + length :])
    assert path.read_bytes().startswith(b"\x80\x02")
    assert identify(path).family == "sd1"


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".pth", ".bin"])
def test_a_pickled_file_is_never_opened(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"PK\x03\x04")
    path.chmod(0)
    assert "Convert it to .safetensors" in refusal(path)


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        (lora_shapes("kohya", 768), "pass it with --lora"),
        (lora_shapes("peft", 768), "pass it with --lora"),
        ({"encoder.conv_in.weight": (1,), "decoder.conv_in.weight": (1,)}, "a VAE alone"),
        ({"down_blocks.0.resnets.0.conv1.weight": (1,)}, "a UNet alone"),
        ({"text_model.embeddings.token_embedding.weight": (1,)}, "a text encoder alone"),
        ({"double_blocks.0.img_attn.norm.weight": (1,)}, "loads from folders only"),
        ({"head.weight": (1,)}, "no Stable Diffusion model"),
    ],
)
def test_a_file_that_is_no_model_is_named_for_what_it_is(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], said: str
) -> None:
    path = tmp_path / "thing.safetensors"
    save_tensors(path, {name: shape or (1,) for name, shape in shapes.items()})
    assert said.lower() in refusal(path).lower()


def test_our_reward_is_named_for_what_it_is() -> None:
    assert "--reward" in refusal(builtin_reward_path())


@pytest.mark.parametrize(
    ("start", "said"), [("first_stage", "no VAE"), ("cond_stage", "no text encoder")]
)
def test_a_file_without_all_its_parts_is_refused(tmp_path: Path, start: str, said: str) -> None:
    shapes = {name: s for name, s in ldm_shapes().items() if not name.startswith(start)}
    assert said in refusal(save_tensors(tmp_path / "pruned.safetensors", shapes))


def test_a_path_with_nothing_or_nonsense_is_refused(tmp_path: Path) -> None:
    assert "There is nothing at" in refusal(tmp_path / "typo")
    (tmp_path / "notes.txt").write_text("hello")
    assert "no model file" in refusal(tmp_path / "notes.txt")


def test_what_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    file = save_tensors(tmp_path / "model.safetensors", ldm_shapes())
    folder = make_pipeline(tmp_path / "model")
    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as root, who may read anything
    monkeypatch.setattr(Path, "iterdir", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    for path in (file, folder):
        assert "cannot be read (Permission denied)" in refusal(path)


@pytest.mark.parametrize("naming", ["kohya", "peft", "diffusers"])
@pytest.mark.parametrize(("family", "width"), TEXT_WIDTHS.items())
def test_a_lora_goes_with_its_own_family_only(
    tmp_path: Path, naming: str, family: str, width: int
) -> None:
    path = save_tensors(tmp_path / "style.safetensors", lora_shapes(naming, width))
    assert identify_lora(path) == family
    for other in ("sd1", "sd2", "sdxl", "other"):
        if other == family:
            check_lora(path, other)  # type: ignore[arg-type]
        else:
            with pytest.raises(PrefPaintError, match=r"style.safetensors is a LoRA for"):
                check_lora(path, other)  # type: ignore[arg-type]


def test_a_lora_for_a_transformer_is_refused_for_a_unet(tmp_path: Path) -> None:
    name = "transformer.single_transformer_blocks.0.attn.to_k.lora_A.weight"
    path = save_tensors(tmp_path / "flux.safetensors", {name: (4, 3072)})
    assert identify_lora(path) == "other"
    with pytest.raises(PrefPaintError, match="another family"):
        check_lora(path, "sd1")


def test_a_lora_that_does_not_tell_is_left_to_the_loader(tmp_path: Path) -> None:
    path = save_tensors(tmp_path / "tiny.safetensors", lora_shapes("peft", 32))
    assert identify_lora(path) is None
    check_lora(path, "sd1")


def test_what_is_no_lora_is_refused(tmp_path: Path) -> None:
    model = save_tensors(tmp_path / "model.safetensors", ldm_shapes())
    (tmp_path / "style.pt").write_bytes(b"PK\x03\x04")
    for path, said in (
        (model, "--model"),
        (tmp_path / "style.pt", "pickled"),
        (tmp_path / "typo.safetensors", "no LoRA file at"),
        (tmp_path, "no LoRA file at"),
    ):
        with pytest.raises(PrefPaintError, match=said):
            check_lora(path, "sd1")
