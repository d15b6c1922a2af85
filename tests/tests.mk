# Tests: every tests/{unit,property}/test_NOUN.c is a program of its own, linked against all objects but the two mains.
# Extra libraries of one test: LIBS_test_NOUN. Python tests (tests/*/test_*.py) and tests/check_*.sh are found by themselves; tests/simulate
# has programs of its own, each with a count as its last line.
TEST_PKGS := cmocka jansson
TEST_SRC  := $(wildcard tests/unit/test_*.c tests/property/test_*.c tests/torture/test_*.c)
TEST_BIN  := $(patsubst tests/%.c,$(B)/tests/%,$(TEST_SRC))
TEST_PY   := $(sort $(filter-out tests/system/%,$(wildcard tests/*/test_*.py))) $(sort $(wildcard tests/system/test_*.py))
TEST_SIM  := tests/simulate/run.py tests/simulate/model.py tests/simulate/real_log.py
TEST_SH   := $(sort $(wildcard tests/check_*.sh tests/check_*.py))

$(B)/tests/%: tests/%.c $(LIB)
	@mkdir -p $(dir $@)
	$(call say,CC  $<)$(CC) $(filter-out -Wmissing-prototypes,$(CFLAGS_ALL)) $(PKG_CF) $(LLHTTP_CF) $(shell $(PKG_CONFIG) --cflags $(TEST_PKGS)) -MMD -MP -MF $@.d $(LDFLAGS_ALL) $(if $(LTO),-fno-lto) -o $@ $< $(LIB) $(PKG_LD) $(LLHTTP_LD) $(shell $(PKG_CONFIG) --libs $(TEST_PKGS)) $(LIBS_$(notdir $@))

-include $(wildcard $(B)/tests/*/*.d)

# ---- make fuzz ----
# tests/fuzz/fuzz_NOUN.c is a target. `make check` runs corpus/NOUN through driver.c; `make fuzz` searches on with libFuzzer, keeps what it finds new
# under build-fuzz/, and takes words to try from tests/fuzz/NOUN.dict where there is one. Options of one target: FUZZ_NOUN.
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(FUZZ_SRC))
FUZZ_SAN := address,undefined,fuzzer-no-link
SECONDS  ?= 60

$(FUZZ_BIN): $(B)/tests/fuzz/%: tests/fuzz/%.c tests/fuzz/driver.c $(LIB)
	@mkdir -p $(dir $@)
	@echo "CC  $<"; $(CC) $(CFLAGS_ALL) $(PKG_CF) $(LLHTTP_CF) -MMD -MP -MF $@.d $(LDFLAGS_ALL) $(if $(LTO),-fno-lto) -o $@ $< \
		$(if $(findstring fuzzer,$(SAN)),-fsanitize=fuzzer,tests/fuzz/driver.c) $(LIB) $(PKG_LD) $(LLHTTP_LD)

.PHONY: fuzz
fuzz:  ## search with libFuzzer (clang) for what breaks a reader: T=json SECONDS=60; without T, all of them in turn
	@packaging/deps build fuzz
	@$(MAKE) --no-print-directory B=build-fuzz CC=clang SAN=$(FUZZ_SAN) $(if $(T),build-fuzz/tests/fuzz/fuzz_$(T),$(patsubst tests/%.c,build-fuzz/tests/%,$(FUZZ_SRC)))
	@for t in $(or $(T),$(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))); do tests/fuzz/search build-fuzz $$t $(SECONDS) || exit 1; done

# ---- make check ----
# The package lists decide which HTTP parser is compiled, and make reads that once: so what is installed first needs a second make.
.PHONY: check-programs coverage
check:  ## install what the tests need, build, run everything (up to 5 minutes on 2 cores); the last line is the result
	@packaging/deps build test
	@tests/system/servers $(abspath build/servers)
	@$(MAKE) --no-print-directory all check-programs
	@PLAZO_SAN="$(SAN)" tests/run --build $(B) $(TEST_SH) $(TEST_SIM) $(TEST_BIN) $(TEST_PY)

# ---- make torture ----
# What `make check` tries seldom, often: some 10 minutes. tests/torture reads PLAZO_TORTURE; the counts of the others are named here.
TORTURE := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/torture/test_*.c)) $(B)/tests/unit/test_store_faults $(B)/tests/property/test_engine \
	$(sort $(wildcard tests/torture/test_*.py)) \
	$(patsubst %,tests/system/test_%.py,kill replay store_faults reload clock redis redis_kill receivers mail_servers)
TORTURE_COUNTS := PLAZO_TORTURE=1 PLAZO_CUTS=0 PLAZO_DAMAGES=2000 PLAZO_KILLS=50 PLAZO_RELOADS=1000 PLAZO_STOPS=100 STORE_KILLS=200

.PHONY: torture
torture:  ## kills, power cuts, damaged files, missing memory and full disks, often (some 10 minutes; TORTURE=PROGRAM... for some)
	@packaging/deps build test
	@tests/system/servers $(abspath build/servers)
	@$(MAKE) --no-print-directory all $(filter $(B)/%,$(TORTURE)) $(PRELOADED) $(B)/tests/bench/hook
	@$(TORTURE_COUNTS) PLAZO_SAN="$(SAN)" tests/run --timeout 900 --build $(B) $(TORTURE)

# Preloaded, so without sanitizers: those have an allocator of their own.
PRELOADED := $(B)/tests/nomem.so $(B)/tests/names.so $(B)/tests/nodisk.so
$(PRELOADED): $(B)/tests/%.so: tests/faults/%.c
	@mkdir -p $(dir $@)
	$(call say,CC  $<)$(CC) -std=c17 -D_GNU_SOURCE -O2 -Wall -Wextra -fPIC -shared -o $@ $<

# What a package builder runs: nothing is installed, nothing listens but on loopback.
.PHONY: check-unit
check-unit: $(TEST_BIN)  ## the C tests alone
	@tests/run --build $(B) $(TEST_BIN)

# ---- make check-package: wants root, debootstrap and the network, and takes minutes ----
.PHONY: check-package
check-package: deb  ## install, run, upgrade, remove and purge the Debian package in a fresh Debian 12
	@packaging/deps package
	@tests/package/run $(abspath build/deb)

check-programs: $(TEST_BIN) $(B)/tests/config_keys $(FUZZ_BIN) $(PRELOADED) $(B)/tests/bench/hook

# ---- make lint ----
TIDY_CHECKS := bugprone-*,clang-analyzer-*,misc-redundant-expression,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier
lint:  ## limits on functions and files, banned words, and clang-tidy where there is one
	@packaging/deps lint
	@tests/lint
	@if command -v clang-tidy >/dev/null; then \
		clang-tidy --quiet --checks='-*,$(TIDY_CHECKS)' $(sort $(wildcard src/*/*.c)) -- -std=c17 -D_GNU_SOURCE \
			-DPLAZO_VERSION='"lint"' -Iinclude -Isrc $(PKG_CF) $(LLHTTP_CF) 2>/dev/null; fi

# ---- make bench ----
BENCH_SRC := $(wildcard tests/bench/bench_*.c)
BENCH_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(BENCH_SRC))
BENCH_AUX := $(patsubst %,$(B)/tests/bench/%,load hook control curl_loop redis_bare)
LIBS_bench_json := -lcjson
bench:  ## the figures, each beside its control, measured in one run of some 6 minutes; the machine should be quiet
	@packaging/deps build test bench
	@tests/system/servers $(abspath build/servers)
	@$(MAKE) --no-print-directory all bench-programs
	@for b in $(sort $(BENCH_BIN)); do echo "== $$b"; $$b || exit 1; done
	@for b in $(sort $(wildcard tests/bench/bench_*.py)); do echo "== $$b"; /usr/bin/python3 $$b --build $(B) || exit 1; done

.PHONY: bench-programs
bench-programs: $(BENCH_BIN) $(BENCH_AUX)

# ---- make coverage ----
# What the C tests, the simulations and the corpora reach; the daemon itself is reached by system tests alone: COVER=all, or the names of some.
COVER ?=
COVERED = $(if $(filter all,$(COVER)),$(TEST_SH) $(TEST_SIM) $(TEST_BIN) $(TEST_PY),$(TEST_SIM) $(TEST_BIN) $(wildcard tests/property/test_*.py) tests/fuzz/test_corpora.py $(COVER))
.PHONY: coverage-run
coverage:  ## lines and branches that the tests reach, per file (gcovr; built under build-coverage/); COVER="tests/system/test_alerts.py" or COVER=all for more
	@packaging/deps build test coverage
	@$(MAKE) --no-print-directory B=build-coverage LTO= CFLAGS="--coverage -O0 -U_FORTIFY_SOURCE" LDFLAGS=--coverage all check-programs
	@tests/system/servers $(abspath build/servers)
	@find build-coverage -name '*.gcda' -delete
	@$(MAKE) --no-print-directory B=build-coverage LTO= CFLAGS="--coverage -O0 -U_FORTIFY_SOURCE" LDFLAGS=--coverage coverage-run
	@gcovr --root . --object-directory build-coverage --filter src/ --exclude-unreachable-branches --txt build-coverage/lines.txt
	@gcovr --root . --object-directory build-coverage --filter src/ --exclude-unreachable-branches --branches --txt build-coverage/branches.txt
	@cat build-coverage/lines.txt build-coverage/branches.txt

coverage-run:
	@tests/run --build $(B) --timeout 400 $(COVERED)

# ---- make memcheck ----
# Valgrind sees what sanitizers do not: reads of memory that nobody wrote. Slow tests have a sanitizer's patience.
.PHONY: memcheck
UNIT_BIN = $(filter $(B)/tests/unit/%,$(TEST_BIN))
memcheck:  ## the unit tests under valgrind
	@packaging/deps build test memcheck
	@tests/system/servers $(abspath build/servers)
	@$(MAKE) --no-print-directory $(UNIT_BIN)
	@PLAZO_SAN=valgrind tests/memcheck $(UNIT_BIN)
