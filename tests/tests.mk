# Tests: every tests/{unit,property}/test_NOUN.c is a program of its own, linked against all objects but the two mains.
# Extra libraries of one test: LIBS_test_NOUN.
TEST_PKGS := cmocka jansson
TEST_SRC  := $(wildcard tests/unit/test_*.c tests/property/test_*.c)
TEST_BIN  := $(patsubst tests/%.c,$(B)/tests/%,$(TEST_SRC))

$(B)/tests/%: tests/%.c $(LIB)
	@mkdir -p $(dir $@)
	@echo "CC  $<"; $(CC) $(filter-out -Wmissing-prototypes,$(CFLAGS_ALL)) $(PKG_CF) $(LLHTTP_CF) $(shell pkg-config --cflags $(TEST_PKGS)) -MMD -MP -MF $@.d $(LDFLAGS_ALL) -o $@ $< $(LIB) $(PKG_LD) $(LLHTTP_LD) $(shell pkg-config --libs $(TEST_PKGS)) $(LIBS_$(notdir $@))

-include $(wildcard $(B)/tests/*/*.d)
