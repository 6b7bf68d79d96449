"""Measure `reslint fleet` on models that a server of this machine has, with faults: `python bench/fleet.py [MODELS]`.

Prints bytes, requests and seconds for a model, as ratios to a loop that only fetches, and whether runs that were killed and
resumed end with the same tables. The load of the machine is in all times.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import onnx
import pyarrow.parquet as pq
from loopback import Server, answering, cutting, serving

FIXTURES = Path(__file__).parents[1] / "fixtures"
LAYOUTS = ("resnet50", "vit_b_16", "bert", "gpt2_dyn", "llama", "functions", "densenet121", "swin_t", "t5", "unet")
KILLS = 3


def main() -> None:
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        layouts(server)
        names = made(server, many)
        Path(folder, "list").write_text("".join(f"{server.address(name)}\n" for name in names))
        throughput(server, names, folder)
        faults(server, names, folder)


def made(server: Server, many: int) -> list[str]:
    """Models made from the small fixtures by renaming their graphs."""
    small = sorted(file for file in FIXTURES.glob("*.onnx") if file.stat().st_size < 300_000)
    kinds = [onnx.load(file, load_external_data=False) for file in small]
    for n in range(many):
        model = kinds[n % len(kinds)]
        model.graph.name = f"model{n}"
        server.files[f"fleet/{n}.onnx"] = model.SerializeToString()
    return [f"fleet/{n}.onnx" for n in range(many)]


def layouts(server: Server) -> None:
    """Bytes and requests for ten layouts; the weights of the fixtures are put in again, as zeros."""
    import os

    from reslint.remote.read import fetched

    print("layout            file MB   read kB  requests")
    for name in LAYOUTS:
        server.files["layout.onnx"] = whole(FIXTURES / f"{name}.onnx")
        found = fetched(server.address("layout.onnx"))
        size = len(server.files.pop("layout.onnx")) / 1e6
        traffic = found.far.traffic
        print(f"{name:16} {size:8.1f} {traffic.bytes / 1e3:9.1f} {traffic.requests:9}")
    print(f"load {os.getloadavg()[0]:.1f}")


def whole(file: Path) -> bytes:
    """A model with all its weights inside."""
    model = onnx.load(file, load_external_data=False)
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            elements = 1
            for extent in tensor.dims:
                elements *= extent
            width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
            tensor.ClearField("external_data")
            tensor.data_location = onnx.TensorProto.DEFAULT
            tensor.raw_data = bytes(elements * width)
    return model.SerializeToString()


def throughput(server: Server, names: list[str], folder: str) -> None:
    import fsspec

    fs = fsspec.filesystem("http")
    start = time.perf_counter()
    for name in names:
        fs.cat_file(server.address(name))
    fetching = (time.perf_counter() - start) / len(names)
    print(f"only fetching     {1e3 * fetching:7.1f} ms a model")
    for workers in (1, 2):
        for some in sorted({len(names) // 10, len(names)} - {0}):
            Path(folder, "some").write_text("".join(f"{server.address(name)}\n" for name in names[:some]))
            out = f"{folder}/{workers}-{some}"
            start = time.perf_counter()
            status = fleet(f"@{folder}/some", out, "--workers", str(workers))
            each = (time.perf_counter() - start) / some
            rows = [row for part in Path(out, "models").glob("*.parquet") for row in pq.read_table(part).to_pylist()]
            mean = sum(int(row["bytes_read"]) for row in rows) / max(len(rows), 1)
            told = f"{workers} processes {some:6} models {1e3 * each:7.1f} ms a model, {each / fetching:.1f} x fetching"
            print(f"{told}, {mean / 1e3:.1f} kB a model, status {status}")


def faults(server: Server, names: list[str], folder: str) -> None:
    """Five in a hundred fail, some are slow or cut; runs are killed and resumed."""
    chance = random.Random(0)

    def shaky(one: Server, request: BaseHTTPRequestHandler, path: str) -> bool:
        drawn = chance.random()
        number = path.partition("/")[2].partition(".")[0]
        if number.isdecimal() and int(number) % 20 == 0:
            return answering(404)(one, request, path)
        if drawn < 0.02:
            time.sleep(0.05)
        return drawn > 0.98 and (answering(503) if drawn < 0.99 else cutting(1))(one, request, path)

    server.faults.append(shaky)
    out = f"{folder}/killed"
    command = [
        sys.executable,
        "-m",
        "reslint",
        "fleet",
        f"@{folder}/list",
        "--out",
        out,
        "--resume",
        "--batch",
        "20",
        "-q",
    ]
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(chance.uniform(3, 12))
            process.kill()
    fleet(f"@{folder}/list", out, "--resume")
    fleet(f"@{folder}/list", f"{folder}/calm")
    names_of = ("models", "errors", "findings")
    tables = {at: [column(f"{folder}/{at}", table) for table in names_of] for at in ("killed", "calm")}
    models, errors, _ = tables["killed"]
    once = sorted([*models, *errors]) == sorted(server.address(name) for name in names)
    print(f"killed {KILLS} times: the same tables {tables['killed'] == tables['calm']}, each file once {once}")
    print(f"models {len(models)}, errors {len(errors)}")


def column(out: str, table: str) -> list[str]:
    return sorted(
        str(v) for part in Path(out, table).glob("*.parquet") for v in pq.read_table(part).column("path").to_pylist()
    )


def fleet(*arguments: str) -> int:
    where = arguments[1]
    command = [sys.executable, "-m", "reslint", "fleet", arguments[0], "--out", where, "-q", *arguments[2:]]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    main()
