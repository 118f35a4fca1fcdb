# `make up` runs everything on this machine, `make test` runs every check.
# Both need Python 3.11 or newer and make; `make compose` needs Docker.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.9

.PHONY: help up compose grow down backup restore audit test lint build setup setup-dev servers lock clean
help:
	@echo "make up        chạy mọi thứ trên máy này, không cần Docker (ARGS='--http-port 8081 …')"
	@echo "make compose   chạy bằng Docker: Mosquitto, InfluxDB, Grafana"
	@echo "make grow      như trên, với ba cổng dữ liệu (gateway) và PostgreSQL"
	@echo "make down      dừng những gì make compose đã chạy; dữ liệu còn nguyên"
	@echo "make backup    chép sổ đăng ký, hồ sơ, CA và số đo của make compose vào backups/"
	@echo "make restore   khôi phục một bản sao lưu: make restore FROM=backups/…"
	@echo "make test      cài đặt, rồi chạy mọi kiểm tra"
	@echo
	@echo "make up        run everything on this machine, no Docker (ARGS='--http-port 8081 …')"
	@echo "make compose   run it with Docker: Mosquitto, InfluxDB, Grafana"
	@echo "make grow      the same with three gateways and PostgreSQL"
	@echo "make down      stop what make compose started; the data stays"
	@echo "make backup    copy registry, records, CA and readings of make compose into backups/"
	@echo "make restore   bring a copy back: make restore FROM=backups/…"
	@echo "make test      set up, then every check"
	@echo "make build     (developers) write the generated files again: boards, schemas, contract tables"
	@echo "make audit     (developers) known vulnerabilities of the dependencies, and their list (sbom.json)"
	@echo "make lock      (developers) resolve the dependencies again into uv.lock"

up: setup
	@exec $(BIN)/hoiquan up $(ARGS)

compose:
	@sh deploy/secrets secrets .env
	docker compose up -d --build --wait

# Uses Mosquitto 2.1, which keeps a group's subscriptions over a restart; `KEPT= make grow` uses that of `make compose`.
KEPT ?= -f docker-compose.kept.yml
GROWN := -f docker-compose.yml -f docker-compose.grow.yml $(KEPT)
grow:
	@sh deploy/secrets secrets .env
	docker compose $(GROWN) up -d --build --wait

down:
	docker compose $(GROWN) down

backup:
	@GROWN="$(GROWN)" sh deploy/backup save backups

restore:
	@GROWN="$(GROWN)" sh deploy/backup load "$(FROM)"

# -- set-up -------------------------------------------------------------------------------------
setup: .venv/ready
setup-dev: .venv/ready-dev

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: cần Python 3.11 trở lên / Python 3.11 or newer is needed: $(PYTHON) = $$($(PYTHON) -V 2>&1). make PYTHON=python3.11 …" >&2; exit 2; }
	@echo "đang cài đặt .venv: chỉ một lần, lâu nhất vài phút / setting up .venv: once, some minutes at most"
	@$(PYTHON) -m venv .venv || { echo "make: Python thiếu venv / Python has no venv; Debian: apt-get install python3-venv" >&2; exit 2; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)

# The lock has versions and hashes but no download addresses, so that a mirror or a folder of wheels works as well:
# uv exports it as a list with hashes, and installs that list from the index that is configured.
.venv/ready: .venv/bin/uv pyproject.toml uv.lock
	@$(UV) export -q --frozen --no-emit-project --no-default-groups -o .venv/requirements.txt
	@$(UV) pip install -q --compile-bytecode --require-hashes -r .venv/requirements.txt
	@$(UV) pip install -q --no-deps -e .
	@touch $@

.venv/ready-dev: .venv/ready
	@$(UV) export -q --frozen --no-emit-project --all-groups -o .venv/requirements-dev.txt
	@$(UV) pip install -q --compile-bytecode --require-hashes -r .venv/requirements-dev.txt
	@touch $@

lock: .venv/bin/uv
	rm -f uv.lock
	$(UV) lock
	sed -i -e 's#source = { registry = "[^"]*" }#source = { registry = "wheels" }#' -e 's#{ url = "[^"]*/\([^"/]*\)"#{ path = "\1"#' uv.lock

# -- checks -------------------------------------------------------------------------------------
# Installs the real servers of the tests where the machine allows it; otherwise the end of the test run names the
# tests that lacked one.
servers:
	@sh deploy/test-servers

lint: setup-dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports pyproject.toml > .venv/imports.log || { cat .venv/imports.log; exit 1; }

# pip-audit asks PyPI, and if that fails osv.dev, for advisories about the exact versions of the lock. If neither answers
# (a mirror has packages but no advisories), the target says so and fails, so that nobody takes it for an all-clear.
AUDIT := .venv/audit
audit: .venv/ready
	@test -x $(AUDIT)/bin/pip-audit || $(UV) venv -q $(AUDIT)
	@$(UV) pip install -q --python $(AUDIT) pip-audit==2.10.1 cyclonedx-bom==7.5.0
	@$(AUDIT)/bin/cyclonedx-py requirements .venv/requirements.txt --of JSON -o sbom.json
	@echo "audit: $$(grep -c '"purl"' sbom.json) packages are listed in sbom.json"
	@for service in pypi osv; do \
	  $(AUDIT)/bin/pip-audit -s $$service --strict --disable-pip --require-hashes -r .venv/requirements.txt > $(AUDIT).log 2>&1 \
	    && { cat $(AUDIT).log; exit 0; }; \
	  if grep -q '^Found' $(AUDIT).log; then cat $(AUDIT).log; exit 1; fi; \
	done; \
	echo "audit: neither pypi.org nor osv.dev could be asked for advisories, so nothing is known of vulnerabilities ($(AUDIT).log)" >&2; exit 1

# Most tests wait for something, so there are more workers than processors. All tests of a file run in one worker, which
# starts the file's servers and stores once; tests/conftest.py sets the order. PYTHONDONTWRITEBYTECODE is cleared, since
# the tests start hundreds of Python processes, which should find the modules compiled.
WORKERS ?= 4
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
test: setup-dev servers lint
	@$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=20

build: setup-dev
	@$(BIN)/hoiquan dashboards build
	@$(BIN)/python -m devices.contract.tables devices

clean:
	rm -rf .venv
