# make test: everything that CI does.   make demo: a video of the tracker at work.   make format: tidy the sources.
# make test-kernels: the optional libraries, which need nvcc and the headers of TensorRT (kernels/README.md).
# make test-nightly: what takes minutes each, such as sanitizers over all of C++.
# make test-floors: the security tests and the basics on the oldest versions that pyproject.toml allows.
# make docs: the documentation as a site, in build/site.
# Each sets up what it needs in a fresh clone: Python 3.10 or later, a C++17 compiler and make must be there.

works = $(shell $(1) -c 'import sys, venv; sys.version_info >= (3, 10) and print("$(1)")' 2>/dev/null)
PYTHON ?= $(firstword $(call works,python3.11) $(call works,python3))
BIN := $(CURDIR)/.venv/bin
DEMO_BIN := $(CURDIR)/.venv-demo/bin
DOCS_BIN := $(CURDIR)/.venv-docs/bin
FLOORS_BIN := $(CURDIR)/.venv-floors/bin
CXX_SOURCES := $(wildcard kernels/*.h kernels/*.cpp kernels/*.cu runtime_cpp/include/edgetrack/*.h \
  $(foreach d,src bindings tests,runtime_cpp/$(d)/*.h runtime_cpp/$(d)/*.cpp) tests/cpp/*.cpp tests/cpp/*/*.h \
  examples/c/*.c examples/cpp/*.cpp)
FLOOR_TESTS := $(foreach t,test_broken_bundles runtime_cpp/test_hostile_bundles test_bundle test_prompt test_tracker \
  test_multi_tracker cli/test_cli demo/test_demo,tests/$(t).py)
EXTRAS := dev docs every export mcap openvino parity ros2 train video # of the tests
WHEEL_SOURCES := pyproject.toml README.md LICENSE NOTICE $(shell find edgetrack/ export kernels runtime_cpp targets \
  -type f -not -path '*/__pycache__/*' -not -name '*.so')
MAKEFLAGS += --no-print-directory

.PHONY: test test-nightly test-floors test-kernels mutants demo docs requirements wheel lint style format clean

# The wheel is what is tested: the `pytest` command does not put the checkout on the path.
# Three processes on two cores, because tests also wait: for programs that they start, and for time to pass. Each has one
# thread: with one per core, PyTorch's threads would wait for each other. A file goes to one process, so that its fixtures
# are made once; tests/conftest.py begins with the files that take longest. Style and types are checked meanwhile, and
# reported after the tests.
test: export EDGETRACK_WERROR = ON
test: export OMP_NUM_THREADS = 1
test: wheel
	@nice $(MAKE) style > dist/lint.txt 2>&1 & lint=$$!; \
	  $(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder; tests=$$?; \
	  wait $$lint || { cat dist/lint.txt; exit 1; }; exit $$tests

# What takes minutes each: sanitizers over everything, another processor in an emulator.
test-nightly: wheel
	@$(BIN)/pytest -m nightly

# Both libraries must build here, and what tests them may not skip: see `needs` in tests/conftest.py.
test-kernels: export EDGETRACK_CUDA = ON
test-kernels: export EDGETRACK_TENSORRT = ON
test-kernels:
	@rm -f dist/built
	@$(MAKE) wheel
	@$(BIN)/pip install --quiet tensorrt-lean-cu13
	@$(BIN)/pytest tests/kernels/test_token_select.py tests/kernels/test_crop_kernels.py tests/kernels/test_cuda_kernels.py \
	  tests/engines/test_tensorrt_plugins.py tests/kernels/test_kernel_switches.py tests/bench/test_gpu_benchmark.py

# Engines follow what a bundle says in ways of their own, old ones more of them: what is refused must be refused by us.
test-floors: PYTHON := $(firstword $(call works,python3.10) $(call works,python3.11) $(PYTHON))
test-floors: $(FLOORS_BIN)/python
	@$(FLOORS_BIN)/python tests/support/floors.py > .venv-floors/floors.txt
	@rm -rf .venv-floors/dist
	@$(FLOORS_BIN)/pip wheel --quiet --no-deps --wheel-dir .venv-floors/dist .
	@$(FLOORS_BIN)/pip install --quiet --constraint .venv-floors/floors.txt \
	  "$$(echo .venv-floors/dist/*.whl)[mcap,video]" onnx pytest hypothesis
	@$(FLOORS_BIN)/pip install --quiet --force-reinstall --no-deps .venv-floors/dist/*.whl
	@$(FLOORS_BIN)/pytest $(FLOOR_TESTS)

# Breaks one line at a time and says which of them no test notices; takes an hour, CI runs it every night.
mutants: wheel
	@$(BIN)/pip install --quiet cmake pybind11
	@PATH="$(BIN):$$PATH" $(BIN)/python tests/mutants/run.py

# What the tests need besides the wheel, which is built meanwhile where make has two jobs: .ci/run.
requirements: $(BIN)/python
	@$(BIN)/python tests/support/requirements.py $(EXTRAS) > .venv/requirements.txt
	@$(BIN)/pip install --quiet --constraint constraints.txt --requirement .venv/requirements.txt

# One wheel for the demo and the tests; built again when a source has changed.
dist/built: $(WHEEL_SOURCES) | $(BIN)/python
	@rm -rf dist
	@$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	@touch $@

wheel: requirements dist/built
	@$(BIN)/pip install --quiet --force-reinstall --no-deps dist/*.whl # also when the version has not changed

lint: wheel
	@$(MAKE) style

# One after the other, so that each run of mypy finds in the cache what the one before has read.
style:
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/clang-format --dry-run -Werror $(CXX_SOURCES)
	@$(BIN)/mypy -p edgetrack
	@$(BIN)/mypy benchmarks/*.py
	@$(BIN)/mypy benchmarks/gpu
	@$(BIN)/mypy tools/*.py
	@$(BIN)/mypy examples
	@$(BIN)/mypy --config-file tests/mypy.ini tests

format: $(BIN)/python
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/clang-format -i $(CXX_SOURCES)

demo: $(DEMO_BIN)/python dist/built
	@$(DEMO_BIN)/pip install --quiet --force-reinstall --no-deps dist/*.whl # also when the version has not changed
	@$(DEMO_BIN)/pip install --quiet "$$(echo dist/*.whl)[video]"
	@$(DEMO_BIN)/edgetrack demo --output demo.mp4

# The tools alone: the pages and the sources are read, nothing of edgetrack is built or run.
docs: $(DOCS_BIN)/python
	@$(DOCS_BIN)/pip install --quiet $$(sed -n 's/^docs = \[\(.*\)\].*/\1/p' pyproject.toml | tr -d '",')
	@NO_MKDOCS_2_WARNING=1 $(DOCS_BIN)/mkdocs build --strict

%/bin/python:
	@test -n "$(PYTHON)" || { echo "no Python 3.10 or later was found; run: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $*

clean:
	@rm -rf .venv .venv-demo .venv-docs .venv-floors build dist
