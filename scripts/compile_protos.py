"""Compiles protos/ with installed packages only, and no vendored copy of anybody's proto.

Owns the way from `.proto` to four results:

- stubs beside the room that owns them (`src/wamesh/*/v1/*_pb2*.py*`), which import nothing of `buf` or `google.api`;
- the comments of what the HTTP edge serves (`src/wamesh/api/comments.json`), which stubs do not carry;
- a full image (`--image FILE`) with imports and comments: for buf, and for clients in other languages;
- a verdict (`--check`): do the stubs in the tree equal the ones that the sources give?

`buf/validate/validate.proto` ships with protovalidate as an embedded descriptor, `google/api` with
googleapis-common-protos as Python modules. Both go into a descriptor set that protoc reads as its imports. For the
stubs the dependencies on them are dropped again: options stay in the descriptors, where protovalidate and the HTTP edge
read them.
"""

import argparse
import filecmp
import importlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import proto_comments
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
BASELINE = PROTOS / "baseline.binpb"
SOURCES = ROOT / "src"
IMPORTED = (
    "google.api.annotations_pb2",
    "google.type.dayofweek_pb2",
    "google.type.money_pb2",
    "google.protobuf.duration_pb2",
    "google.protobuf.timestamp_pb2",
    "google.protobuf.descriptor_pb2",
)
ANNOTATIONS_ONLY = ("buf/", "google/api/")
COMMENTS = Path("wamesh/api/comments.json")
HEADER_SUFFIXES = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")


def main() -> int:
    parser = argparse.ArgumentParser(description="Generate the Python stubs from protos/.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when the stubs drifted")
    parser.add_argument("--image", type=Path, help="also write the full descriptor image to this file")
    parser.add_argument("--release", action="store_true", help="also make this contract the one that buf compares with")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        image = compile_image(scratch)
        if arguments.image:
            arguments.image.write_bytes(image.SerializeToString())
        if arguments.release:
            BASELINE.write_bytes(without_comments(image).SerializeToString())
        stubs = scratch / "stubs"
        generate_stubs(image, scratch, stubs)
        (stubs / COMMENTS).parent.mkdir(parents=True, exist_ok=True)
        (stubs / COMMENTS).write_text(proto_comments.as_json(image), encoding="utf-8")
        if arguments.check:
            return report_drift(stubs)
        install(stubs)
    return 0


def our_protos() -> list[str]:
    """The project's proto files, relative to protos/, sorted."""
    return sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))


def imported_descriptors() -> FileDescriptorSet:
    """The descriptors of everything that our protos import, dependencies first."""
    found: dict[str, FileDescriptorProto] = {}

    def collect(file: FileDescriptor) -> None:
        for dependency in file.dependencies:
            collect(dependency)
        proto = FileDescriptorProto()
        file.CopyToProto(proto)
        found.setdefault(file.name, proto)

    for module in IMPORTED:
        collect(importlib.import_module(module).DESCRIPTOR)
    validate = FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary())
    found.setdefault(validate.name, validate)
    return FileDescriptorSet(file=found.values())


def compile_image(scratch: Path) -> FileDescriptorSet:
    """Compiles our protos into an image with all imports and comments."""
    imports, image = scratch / "imports.binpb", scratch / "image.binpb"
    imports.write_bytes(imported_descriptors().SerializeToString())
    protoc(
        f"--descriptor_set_in={imports}",
        f"--proto_path={PROTOS}",
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={image}",
        *our_protos(),
    )
    return FileDescriptorSet.FromString(image.read_bytes())


def generate_stubs(image: FileDescriptorSet, scratch: Path, target: Path) -> None:
    """Generates messages, services and their types from the image without the annotation imports."""
    slim = scratch / "slim.binpb"
    slim.write_bytes(without_annotations(image).SerializeToString())
    target.mkdir()
    outputs = [f"--{kind}_out={target}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    protoc(f"--descriptor_set_in={slim}", *outputs, *our_protos())


def without_annotations(image: FileDescriptorSet) -> FileDescriptorSet:
    """The image without annotation files, and without a dependency on them."""
    slim = FileDescriptorSet()
    for file in image.file:
        if file.name.startswith(ANNOTATIONS_ONLY):
            continue
        kept = slim.file.add()
        kept.CopyFrom(file)
        del kept.dependency[:]
        kept.dependency.extend(name for name in file.dependency if not name.startswith(ANNOTATIONS_ONLY))
    return slim


def without_comments(image: FileDescriptorSet) -> FileDescriptorSet:
    """The image without source positions and comments: all that `buf breaking` needs of a release."""
    bare = FileDescriptorSet()
    bare.CopyFrom(image)
    for file in bare.file:
        file.ClearField("source_code_info")
    return bare


def protoc(*arguments: str) -> None:
    """Runs grpcio-tools' protoc, with the plugins of this virtual environment on its path."""
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    finished = subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise SystemExit(finished.stderr)


def generated(folder: Path) -> set[Path]:
    """The generated files below a folder, relative to it."""
    stubs = (path for path in folder.rglob("*_pb2*.py*") if path.name.endswith(HEADER_SUFFIXES))
    files = (*stubs, *folder.glob(str(COMMENTS)))
    return {path.relative_to(folder) for path in files}


def install(stubs: Path) -> None:
    """Replaces the stubs in the tree; those of removed protos go."""
    for stale in generated(SOURCES) - generated(stubs):
        (SOURCES / stale).unlink()
    for name in sorted(generated(stubs)):
        (SOURCES / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(stubs / name, SOURCES / name)


def report_drift(stubs: Path) -> int:
    """Names each stub that differs from what the sources give. Returns the exit code."""
    drifted = sorted(different(stubs, generated(stubs) | generated(SOURCES)))
    for name in drifted:
        print(f"src/{name} is not what protos/ gives; run scripts/generate", file=sys.stderr)
    return 1 if drifted else 0


def different(stubs: Path, names: Iterable[Path]) -> Iterable[Path]:
    for name in names:
        ours, theirs = SOURCES / name, stubs / name
        if not (ours.exists() and theirs.exists() and filecmp.cmp(ours, theirs, shallow=False)):
            yield name


if __name__ == "__main__":
    sys.exit(main())
