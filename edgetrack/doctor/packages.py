"""Checks of Python packages for missing, duplicate and incompatible installations."""

from __future__ import annotations

from edgetrack.doctor.machine import Answer, Finding, Machine

OPENCVS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
ORT_GPU = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'onnxruntime-gpu[cuda,cudnn]'"
ORT_CPU = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime"
# From NVIDIA's index for JetPack 6 (jetson-containers#1283); there is none for JetPack 7 (#1645).
ORT_JETSON = (
    'pip uninstall -y onnxruntime onnxruntime-gpu && pip install "numpy<2" onnxruntime-gpu '
    "--index-url https://pypi.jetson-ai-lab.io/jp6/cu126"
)
# Error message of an extension that was built against another version of numpy; onnxruntime#27562.
NUMPY = ("numpy.core.multiarray failed to import", "_ARRAY_API not found", "compiled using NumPy 1")
PROVIDERS = "import onnxruntime; print(onnxruntime.__version__, *onnxruntime.get_available_providers())"
OPENCV = """import cv2
lines = cv2.getBuildInformation().splitlines()
print(cv2.__version__, *[line.split(":")[1].split()[0] for line in lines if line.strip().startswith("GStreamer:")])"""


def check_runtime(machine: Machine) -> Finding:
    """Check that the compiled module of edgetrack loads."""
    answer = machine.ask("import edgetrack, edgetrack._native; print(edgetrack.__version__)")
    if answer.good:
        return Finding("edgetrack", "ok", f"{answer.text}; its compiled module loads")
    if mended := _numpy("edgetrack", answer):
        return mended
    return Finding(
        "edgetrack",
        "broken",
        f"its compiled module does not load: {answer.text}",
        "pip install --force-reinstall --no-deps edgetrack",
    )


def check_onnxruntime(machine: Machine) -> Finding:
    """Check that ONNX Runtime is installed exactly once, and loads."""
    name = "ONNX Runtime"
    there = [package for package in RUNTIMES if package in machine.packages]
    if len(there) > 1:
        said = f"{' and '.join(there)} are both installed and overwrite each other's files"
        return Finding(name, "broken", said, _on_gpu(machine) or ORT_CPU)
    answer = machine.ask(PROVIDERS)
    if answer.good:
        return Finding(name, "ok", f"{answer.text.split()[0]} loads")
    return _numpy(name, answer) or Finding(
        name,
        "broken",
        f"it does not load: {answer.text}",
        f"pip install --force-reinstall {there[0] if there else 'onnxruntime'}",
    )


def check_gpu_provider(machine: Machine) -> Finding:
    """Check that ONNX Runtime supports the GPU of this machine."""
    name = "ONNX Runtime on the GPU"
    if not machine.has_gpu:
        return Finding(name, "ok", "not needed: this machine has no NVIDIA GPU")
    answer = machine.ask(PROVIDERS)
    if answer.good and "CUDAExecutionProvider" in answer.text.split():
        return Finding(name, "ok", "the CUDA provider is available")
    if (command := _on_gpu(machine)) is None:
        return Finding(name, "ok", "no package for this board contains it; the engine tensorrt uses the GPU")
    why = "ONNX Runtime was built without it" if answer.good else "ONNX Runtime does not load"
    return Finding(name, "warning", f"no CUDA provider, which ort-cuda needs: {why}", command)


def check_tensorrt(machine: Machine) -> Finding:
    """Check that TensorRT can be imported in this environment, if the machine has a GPU."""
    if not machine.has_gpu:
        return Finding("TensorRT", "ok", "not needed: this machine has no NVIDIA GPU")
    answer = machine.ask("import tensorrt; print(tensorrt.__version__)")
    if answer.good:
        return Finding("TensorRT", "ok", f"{answer.text} loads")
    if list(machine.root.glob("usr/lib/python3*/dist-packages/tensorrt")):
        return Finding(
            "TensorRT",
            "broken",
            f"it is installed in the system, but this environment does not see it: {answer.text}",
            _see_system(machine),
        )
    return Finding(
        "TensorRT",
        "warning",
        f"the engine tensorrt needs it: {answer.text}",
        "sudo apt install python3-libnvinfer" if machine.is_jetson else "pip install 'edgetrack[tensorrt]'",
    )


def check_opencv(machine: Machine) -> Finding:
    """Check that OpenCV is installed exactly once, and loads."""
    there = [package for package in OPENCVS if package in machine.packages]
    if len(there) > 1:
        return Finding(
            "OpenCV",
            "broken",
            f"{', '.join(there)} are installed together and overwrite each other's files",
            f"pip uninstall -y {' '.join(there)} && pip install --force-reinstall --no-deps {there[0]}",
        )
    answer = machine.ask(OPENCV)
    if answer.good:
        return Finding("OpenCV", "ok", f"{answer.text.split()[0]} loads")
    if mended := _numpy("OpenCV", answer):
        return mended
    if "libGL.so" in answer.text:
        return Finding(
            "OpenCV",
            "broken",
            f"it was built with support for windows: {answer.text}",
            f"pip uninstall -y {' '.join(there)} && pip install opencv-python-headless",
        )
    if there:
        return Finding(
            "OpenCV",
            "broken",
            f"it does not load: {answer.text}",
            f"pip install --force-reinstall --no-deps {there[0]}",
        )
    return Finding("OpenCV", "warning", "cameras and videos need it", "pip install 'edgetrack[video]'")


def check_gstreamer(machine: Machine) -> Finding:
    """Check that Python can use GStreamer, which CSI cameras need."""
    answer = machine.ask(OPENCV)
    if answer.good and answer.text.split()[1:] == ["YES"]:
        return Finding("GStreamer", "ok", "OpenCV was built with it")
    if machine.ask("import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst").good:
        return Finding("GStreamer", "ok", "its Python bindings can be loaded")
    wheels = [package for package in OPENCVS if package in machine.packages]
    why = "OpenCV was built without it, and its Python bindings are missing"
    if not machine.is_jetson:
        return Finding("GStreamer", "ok", f"needed for gst:PIPELINE only: {why}")
    steps = ["sudo apt install libopencv-python python3-gi gir1.2-gst-plugins-base-1.0", _see_system(machine)]
    if wheels:  # they shadow JetPack's OpenCV
        steps.insert(0, f"pip uninstall -y {' '.join(wheels)}")
    return Finding("GStreamer", "broken", f"CSI cameras cannot be opened: {why}", " && ".join(steps))


def check_streams(machine: Machine) -> Finding:
    """Check that PyAV, which reads network streams, loads."""
    answer = machine.ask("import av; print(av.__version__)")
    if answer.good:
        return Finding("PyAV", "ok", f"{answer.text} loads")
    return Finding(
        "PyAV",
        "warning",
        f"without it streams have no presentation times and no error codes, and no MP4 is written: {answer.text}",
        "pip install 'edgetrack[av]'",
    )


def _numpy(name: str, answer: Answer) -> Finding | None:
    if not any(words in answer.text for words in NUMPY):
        return None
    said = f"it was built for numpy 1, but numpy 2 is installed: {answer.text}"
    return Finding(name, "broken", said, 'pip install "numpy<2"')


def _on_gpu(machine: Machine) -> str | None:
    """Return the command that installs ONNX Runtime with the GPU provider; None if there is no such package."""
    if not machine.has_gpu:
        return None
    jetpack = machine.target.jetpack
    if jetpack is None:
        return ORT_GPU
    return ORT_JETSON if jetpack[0].startswith("6.") else None


def _see_system(machine: Machine) -> str:
    """Return the command that gives a virtual environment access to the system's packages."""
    change = "s/^include-system-site-packages = .*/include-system-site-packages = true/"
    return f"sed -i '{change}' '{machine.prefix / 'pyvenv.cfg'}'"
