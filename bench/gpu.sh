#!/bin/bash
# Prove on a machine with an NVIDIA GPU what tests can only prove with a stub; prints a table for bench/README.md.
#
#     bench/gpu.sh [WHEELS]
#
# WHEELS is a folder of wheels (onnxruntime-gpu, NVIDIA's CUDA and cuDNN libraries, what reslint depends on, and
# optionally tensorrt): nothing is fetched. Without it the current environment is used as it is. Under ten minutes.
set -e
cd "$(dirname "$0")/.."
if [ -n "$1" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    python3 -m venv "$folder/venv"
    . "$folder/venv/bin/activate"
    pip install -q --no-index --find-links "$1" onnxruntime-gpu onnx networkx click numpy rich jinja2 junitparser pathspec ml_dtypes
    for optional in nvidia-cudnn-cu13 nvidia-cuda-runtime nvidia-cublas nvidia-cufft nvidia-curand nvidia-cuda-nvrtc nvidia-nvjitlink \
        nvidia-cudnn-cu12 nvidia-cuda-runtime-cu12 nvidia-cublas-cu12 nvidia-cufft-cu12 nvidia-curand-cu12 nvidia-cuda-nvrtc-cu12 tensorrt; do
        pip install -q --no-index --find-links "$1" "$optional" 2>/dev/null || true
    done
    export PYTHONPATH=$PWD
fi
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
exec timeout 590 python bench/gpu.py
