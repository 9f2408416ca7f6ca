# hapair: `make` builds, `make demo` shows, `make test` proves. See README.md.

CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
B ?= build
Q := $(if $(V),,@)
say = $(if $(V),,@echo '  $(1)')
FOLDERS := core config failover proxy director keytab hapair

# A callback has the parameters of its kind: check-hand looks for others.
WARN := -Wall -Wextra -Wno-unused-parameter -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wswitch-enum -Wvla -Wformat=2 -Werror
CFLAGS ?= -O2 -g
PKGS := yaml-0.1 libnl-3.0 libnl-route-3.0 libsodium jansson libcap-ng libcares libcrypto krb5 krb5-gssapi libseccomp libbpf
CPPFLAGS += -D_GNU_SOURCE -I. -isystem /usr/include/libnl3
# The runtime of a sanitizer makes system calls that the product never does.
CPPFLAGS += -DSANITIZED=$(if $(findstring -fsanitize=,$(CFLAGS) $(EXTRA)),true,false)
ALL_CFLAGS = -std=gnu17 $(WARN) $(CFLAGS) $(EXTRA) $(HARDEN) $(FORTIFY) \
	-fno-strict-aliasing -pthread -MMD -MP
# What this compiler has for this machine; asked once, and not before it is installed.
HARDEN = $(eval HARDEN := $(shell for flag in -fstack-protector-strong \
	-fstack-clash-protection -fcf-protection; do \
	$(CC) -Werror $$flag -S -o /dev/null -x c /dev/null 2>/dev/null && echo $$flag; done))$(HARDEN)
# It needs an optimiser, and hides from a sanitizer what that looks for.
FORTIFY = $(if $(findstring -fsanitize=,$(CFLAGS) $(EXTRA)),,$(if $(filter -O1 -O2 -O3 -Os,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3))
# core/late_library.h loads others: libcurl, libmicrohttpd, libsystemd.
LIBS = -lev -lm -ldl $(shell pkg-config --libs $(PKGS))

# Every function is bound at the start: at a takeover nothing is looked up, and
# the dynamic linker saves no registers on the stack while they hold a key.
BIND := -Wl,-z,relro,-z,now

# What is for the kernel has a compiler of its own.
SRC := $(filter-out %.bpf.c,$(foreach d,$(FOLDERS),$(wildcard $(d)/*.c $(d)/*/*.c)))
OBJ := $(SRC:%.c=$(B)/obj/%.o)
# A test, a fuzzer or a simulation links the folder it belongs to and what that
# folder may depend on: the archives below, in the direction of the includes.
archive = $(foreach d,$(1),$(B)/lib$(d).a)
ARCHIVES := $(call archive,$(FOLDERS))
NEEDS_core := core
NEEDS_config := config core
NEEDS_failover := failover config core
NEEDS_proxy := proxy config core
# Of the relay it has what is pure: how servers are chosen, how ends are called.
NEEDS_director := director proxy config core
NEEDS_keytab := keytab config core
NEEDS_hapair := hapair director proxy failover keytab config core

UNIT_SRC := $(wildcard tests/unit/*/test_*.c)
UNIT := $(UNIT_SRC:%.c=$(B)/%)
TEST_LIB := $(patsubst %.c,$(B)/%.o,$(wildcard tests/lib/*.c))
# What only the tests of one folder know.
BESIDE_director := $(patsubst %.c,$(B)/%.o,$(wildcard tests/ingress/*.c))
SIM := $(patsubst %.c,$(B)/%,$(wildcard tests/sim/sim_*.c tests/model/model_pair.c tests/model/model_director.c))
FUZZ := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
TOOLS := $(patsubst %.c,$(B)/%,$(wildcard tests/tools/*.c)) \
	$(patsubst %.c,$(B)/%.so,$(wildcard tests/preload/*.c))

.DELETE_ON_ERROR:
TARGETS := all deps demo bench faults survive test check check-asan check-ubsan check-tsan check-clang \
	build-asan build-ubsan build-tsan build-fuzz compiled threaded \
	install uninstall deb rpm check-deb \
	check-bare rules matrix messages manual unit fuzz fuzzers system simulate sim soak tools product objects
.PHONY: $(TARGETS) packages clean
.SECONDARY:

all: $(B)/hapair

# The packages of all that was asked for, before any of it is built; once, and not
# again in the makes below this one. Whoever brings them otherwise says HAPAIR_DEPS=no.
$(TARGETS): | packages
packages:
ifeq ($(HAPAIR_DEPS),)
	$(Q)scripts/install-deps $(or $(MAKECMDGOALS),all) $(if $(PEERS),peers)
endif
export HAPAIR_DEPS := $(or $(HAPAIR_DEPS),done)

$(B)/hapair: $(B)/obj/hapair/cli/main.o $(ARCHIVES)
	$(call say,LINK    $@)
	$(Q)$(CC) $(ALL_CFLAGS) $(BIND) -o $@ $< $(call archive,$(NEEDS_hapair)) $(LIBS)

$(B)/obj/%.o: %.c | packages
	@mkdir -p $(@D)
	$(call say,CC      $<)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# What the assembler puts in is in no list of the compiler's.
$(B)/obj/proxy/web/page_files.o: $(wildcard proxy/web/*.html proxy/web/*.css proxy/web/*.js)

# The kernel program, for the kernel that runs it, and then within our binary.
PROGRAM := $(B)/obj/director/bpf/director.bpf.o
BPF_CC = clang --target=bpf -mcpu=v3 -O2 -g -std=gnu17 $(WARN) -I. \
	-isystem /usr/include/$(shell gcc -print-multiarch)
$(PROGRAM): director/bpf/director.bpf.c | packages
	@mkdir -p $(@D)
	$(call say,BPF     $<)
	$(Q)$(BPF_CC) -MMD -MP -c -o $@ $<
$(B)/obj/director/bpf/director_object.o: CPPFLAGS += -DDIRECTOR_OBJECT='"$(PROGRAM)"'
$(B)/obj/director/bpf/director_object.o: $(PROGRAM)

$(B)/tests/%.o: tests/%.c | packages
	@mkdir -p $(@D)
	$(call say,CC      $<)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

define archive_rule
$(B)/lib$(1).a: $(filter-out $(B)/obj/hapair/cli/main.o,$(filter $(B)/obj/$(1)/%,$(OBJ)))
	@rm -f $$@
	$(Q)ar rcs $$@ $$^
$(B)/tests/unit/$(1)/%: $(B)/tests/unit/$(1)/%.o $(TEST_LIB) $(BESIDE_$(1)) \
    $(call archive,$(NEEDS_$(1)))
	$(Q)$(CC) $(ALL_CFLAGS) -o $$@ $$^ -lcmocka $$(LIBS)
endef
$(foreach d,$(FOLDERS),$(eval $(call archive_rule,$(d))))

# Simulation and model break a rule on purpose in tests/sim/broken.c.
WRAP := -Wl,--wrap=node_step
$(B)/tests/sim/%: $(B)/tests/sim/%.o $(B)/tests/sim/world.o \
    $(B)/tests/sim/world_host.o $(B)/tests/sim/world_harm.o $(B)/tests/sim/world_claims.o \
    $(B)/tests/sim/cabled.o $(B)/tests/sim/broken.o $(call archive,$(NEEDS_failover))
	$(Q)$(CC) $(ALL_CFLAGS) $(WRAP) -o $@ $^ $(LIBS)
# The director's in tests/model/broken_director.c.
BROKEN := $(foreach f,kernel_conn_step replica_waits replica_is_protected replica_believes \
	director_hear_msg director_conns_release director_node_step,-Wl,--wrap=$(f))
WORLD := $(foreach f,director_world director_world_node director_world_restart director_print broken_director,$(B)/tests/model/$(f).o)
$(B)/tests/model/model_director: $(B)/tests/model/model_director.o $(WORLD) \
    $(call archive,$(NEEDS_director))
	$(Q)$(CC) $(ALL_CFLAGS) $(BROKEN) -o $@ $^ $(LIBS)
$(B)/tests/model/%: $(B)/tests/model/%.o $(B)/tests/model/model_state.o $(B)/tests/sim/broken.o \
    $(call archive,$(NEEDS_failover))
	$(Q)$(CC) $(ALL_CFLAGS) $(WRAP) -o $@ $^ $(LIBS)
$(B)/tests/tools/impalad: TOOL_LIBS := -lsasl2
$(B)/tests/tools/stream_model: $(B)/tests/lib/stream_plan.o
$(B)/tests/tools/mixed_load: $(B)/tests/lib/held_conn.o
$(B)/tests/tools/bench_client: $(B)/tests/lib/bench_zeroes.o $(B)/tests/lib/proc_cpu.o
$(B)/tests/tools/bench_server: $(B)/tests/lib/bench_zeroes.o
NEXT := -Wl,--wrap=hello_encode,--wrap=peer_codec_init,--wrap=accord_put,--wrap=conn_record_encode
LIAR := -Wl,--wrap=accord_put,--wrap=standby_run_look_at_groups
$(B)/tests/tools/hapair_next: WRAPS := $(NEXT)
$(B)/tests/tools/hapair_liar: WRAPS := $(LIAR)
$(B)/tests/tools/hapair_%: $(B)/obj/hapair/cli/main.o $(B)/tests/tools/hapair_%.o $(ARCHIVES)
	$(Q)$(CC) $(ALL_CFLAGS) $(WRAPS) -o $@ $(wordlist 1,2,$^) $(call archive,$(NEEDS_hapair)) $(LIBS)
$(B)/tests/tools/message_table: $(B)/libcore.a
$(B)/tests/tools/ingress_compare $(B)/tests/tools/lone_director: TOOL_LIBS := -lbpf
$(B)/tests/tools/lone_director: $(B)/tests/ingress/packet_bytes.o $(B)/libdirector.a $(B)/libcore.a
$(B)/tests/tools/ingress_compare: $(BESIDE_director) $(B)/libdirector.a
$(B)/tests/tools/director_driver $(B)/tests/tools/kernel_fill: TOOL_LIBS = $(LIBS)
$(B)/tests/tools/director_driver $(B)/tests/tools/kernel_fill: $(call archive,$(NEEDS_director))
$(B)/tests/tools/%: $(B)/tests/tools/%.o
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(TOOL_LIBS)

$(B)/tests/preload/%.so: tests/preload/%.c | packages
	@mkdir -p $(@D)
	$(call say,CC      $<)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu17 $(WARN) -O2 -fPIC -shared -o $@ $<

$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/libdirector.a $(call archive,$(NEEDS_hapair))
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

-include $(FUZZ:=.d) $(OBJ:.o=.d) $(UNIT:=.d) $(SIM:=.d) $(B)/tests/sim/world.d \
	$(WORLD:.o=.d) $(B)/tests/model/model_state.d $(B)/tests/sim/world_host.d $(B)/tests/sim/world_harm.d $(B)/tests/sim/world_claims.d $(B)/tests/sim/cabled.d $(B)/tests/sim/broken.d \
	$(TOOLS:=.d) $(TEST_LIB:.o=.d) $(BESIDE_director:.o=.d) $(PROGRAM:.o=.d)

objects: $(OBJ)
unit: $(UNIT)
tools: $(TOOLS)
sim: $(SIM)

# What is mechanical about style.md, and the golden files; a few seconds.
PURE = $(shell sed -n 's|^\([a-z].*\)\.c$$|$(B)/obj/\1.o|p' scripts/pure-files)
rules: $(B)/tests/sim/sim_matrix $(B)/tests/tools/message_table $(B)/hapair $(OBJ)
	$(Q)scripts/check-size
	$(Q)scripts/check-includes
	$(Q)scripts/check-packages
	$(Q)scripts/check-names
	$(Q)scripts/check-hand
	$(Q)scripts/check-format
	$(Q)scripts/check-docs
	$(Q)scripts/check-contract
	$(Q)scripts/check-monitoring
	$(Q)$(B)/tests/tools/message_table | diff -u doc/messages.md - || \
		{ echo 'doc/messages.md is not what the code does: make messages' >&2; exit 1; }
	$(Q)scripts/check-rights
	$(Q)scripts/last-release --check || [ $$? = 3 ]
	$(Q)scripts/check-pure $(PURE)
	$(Q)scripts/make-manual $(B)/hapair --check
	$(Q)$(B)/tests/sim/sim_matrix | diff -u doc/election.md - || \
		{ echo 'doc/election.md is not what the code does: make matrix' >&2; exit 1; }

matrix: $(B)/tests/sim/sim_matrix
	$(Q)$< >doc/election.md

messages: $(B)/tests/tools/message_table
	$(Q)$< >doc/messages.md

manual: $(B)/hapair
	$(Q)scripts/make-manual $<

check: all rules unit
	$(Q)scripts/run-units $(B)

# The unit and system tests under a sanitizer, in a build of its own.
# A variable, since its comma would end an argument of `call`.
ASAN := address,undefined
# `make check-asan FAMILIES=` for the tests of both.
FAMILIES ?= --one-family
define sanitized
build-$(1):
	$$(Q)$$(MAKE) --no-print-directory B=build/$(1) CC=$(3) CFLAGS='-O1 -g1' \
		EXTRA='-fsanitize=$(2) -fno-omit-frame-pointer $(4)' all $(5)
check-$(1): build-$(1) tools
	$$(Q)scripts/run-units build/$(1)
	$$(Q)HAPAIR_SLOW=1 tests/system/run --binary build/$(1)/hapair \
		--tools $(B)/tests/tools $(6)
endef
$(eval $(call sanitized,asan,$(ASAN),gcc,-fno-sanitize-recover=undefined,unit,$(FAMILIES)))
$(eval $(call sanitized,ubsan,undefined,clang,-fno-sanitize-recover=undefined,unit))
$(eval $(call sanitized,tsan,thread,gcc,-Wno-tsan,threaded,--threads))

# ThreadSanitizer has nothing to find in the others.
THREADS := grep -lE '<(pthread|semaphore|stdatomic)\.h>'
threaded: $(patsubst %.c,$(B)/%,$(shell $(THREADS) $(UNIT_SRC))) \
	$(filter $(addprefix %/test_,$(basename $(notdir $(shell $(THREADS) -r $(FOLDERS))))),$(UNIT))

# Both compilers, no warnings: the second one only compiles, and what it warns of
# does not depend on how much it optimises. The product it compiles for the fuzzers.
check-clang: build-fuzz
	$(Q)$(MAKE) --no-print-directory B=build/clang CC=clang CFLAGS=-O0 compiled
compiled: $(B)/obj/hapair/cli/main.o $(UNIT:=.o) $(SIM:=.o) $(TEST_LIB) $(BESIDE_director) \
	$(patsubst %.c,$(B)/%.o,$(wildcard tests/sim/*.c tests/model/*.c tests/tools/*.c)) $(filter %.so,$(TOOLS))

# Each fuzz target for a while, two at a time; `make fuzz SECONDS=3600` for long.
SECONDS ?= 60
fuzz: build-fuzz
	$(Q)scripts/fuzz $(SECONDS)
# FUZZ_CFLAGS=-O0: where it shall only be built, as in check-bare.
FUZZ_CFLAGS ?= -O1 -g1
build-fuzz:
	$(Q)$(MAKE) --no-print-directory B=build/fuzz CC=clang CFLAGS='$(FUZZ_CFLAGS)' \
		EXTRA='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined' fuzzers

fuzzers: $(FUZZ)

system: all tools
	$(Q)tests/system/run

# Each once as it is, then with a rule broken, which it must notice. Faults, an
# operator's orders and a peer that lies are judged by rules of their own.
PROOFS := $(B)/tests/sim/sim_failover $(B)/tests/model/model_pair
DIRECTOR := $(B)/tests/model/model_director
PLAIN := $(B)/tests/sim/sim_faults $(B)/tests/sim/sim_operator $(B)/tests/sim/sim_hostile
.PHONY: $(PROOFS:=.proof) $(PLAIN:=.proof) $(DIRECTOR:=.proof) program.proof
simulate: $(PROOFS:=.proof) $(PLAIN:=.proof) $(DIRECTOR:=.proof) program.proof
$(PLAIN:=.proof): %.proof: %
	$(Q)$<
$(PROOFS:=.proof): %.proof: %
	$(Q)$<
	$(Q)for rule in early yield keep handover; do \
		! $< --break $$rule >/dev/null || \
		{ echo "$<: rule '$$rule' is broken, unnoticed" >&2; exit 1; }; done
$(DIRECTOR:=.proof): %.proof: %
	$(Q)$<
	$(Q)for rule in early hasty timers stranger wait bare pass refusal parity sweep forget orphan; do \
		! $< --break $$rule >/dev/null || \
		{ echo "$<: rule '$$rule' is broken, unnoticed" >&2; exit 1; }; done

# The kernel program against its reference, in the kernel, and broken likewise.
program.proof: $(B)/tests/tools/ingress_compare
	$(Q)scripts/prove-program $<

# What takes longer than `make test` may: the same, for an hour.
soak: all tools sim
	$(Q)$(B)/tests/sim/sim_failover 60000 100001
	$(Q)$(B)/tests/sim/sim_faults 500000 100001
	$(Q)scripts/faults --binary $(B)/hapair --tools $(B)/tests/tools --load loaded --steady 3600
	$(Q)scripts/cost --binary $(B)/hapair --tools $(B)/tests/tools --crowds 9000 watched
	$(Q)scripts/bench-slots --binary $(B)/hapair --tools $(B)/tests/tools
	$(Q)$(B)/tests/sim/sim_hostile 30000 100001
	$(Q)HAPAIR_CHURN=60 tests/system/run --only traps_churn
	$(Q)HAPAIR_STREAMS=50000 tests/system/run --only stream_model.r01_r02
	$(Q)HAPAIR_PATIENCE=300 tests/system/run --only patience
	$(Q)HAPAIR_HELD=5000 HAPAIR_RELOADS=100 HAPAIR_LEAK_RELOADS=1000 \
		tests/system/run --only reload_many
	$(Q)HAPAIR_KILLS=all tests/system/run --only reload_kills
	$(Q)HAPAIR_HOSTILE=720 tests/system/run --only hostile
	$(Q)scripts/soak-kernel --binary $(B)/hapair --tools $(B)/tests/tools
	$(Q)for build in address thread; do \
		$(MAKE) --no-print-directory B=build/soak-$$build CFLAGS='-O1 -g' \
		EXTRA="-fsanitize=$$build -fno-omit-frame-pointer -Wno-tsan" all && \
		HAPAIR_SLOW=1 HAPAIR_CHURN=60 tests/system/run --only traps_churn \
		--binary build/soak-$$build/hapair --tools $(B)/tests/tools || exit 1; \
	done
	$(Q)$(MAKE) --no-print-directory check-asan FAMILIES=
	$(Q)$(MAKE) --no-print-directory check-ubsan
	$(Q)$(MAKE) --no-print-directory fuzz SECONDS=600

deps:

test:
	$(Q)scripts/test

# For what is shown and measured: built by all processors, with a line about it.
product:
	@echo '  BUILD   $(B)/hapair, and the tools'
	$(Q)$(MAKE) --no-print-directory say= \
		$(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) all tools

# `make demo KEEP=1` leaves the lab standing; PEERS=1: keepalived and haproxy beside.
demo: product
	$(Q)scripts/demo --binary $(B)/hapair --tools $(B)/tests/tools \
		$(if $(KEEP),--keep) $(if $(PEERS),--peers)

# Beside haproxy and nginx; `make bench BENCH='-n 9 -w rr,crr'` for a part.
bench: product
	$(Q)scripts/bench --binary $(B)/hapair --tools $(B)/tests/tools $(BENCH)

# What clients see of each fault, many times; `make faults FAULTS='-n 5 --only handover'`.
faults: product
	$(Q)scripts/faults --binary $(B)/hapair --tools $(B)/tests/tools $(FAULTS)

# What becomes of established connections, beside keepalived and haproxy;
# `make survive SURVIVE='-n 20 --only kill'` for a part.
survive: product
	$(Q)scripts/survive --binary $(B)/hapair --tools $(B)/tests/tools $(SURVIVE)

# The targets on minimal Debian 12 systems; `make check-bare BARE='demo check'` for a part.
check-bare:
	$(Q)scripts/check-bare $(BARE)

# Where a host has it; `make install DESTDIR=/tmp/tree prefix=/usr` for elsewhere.
prefix ?= /usr/local
sysconfdir ?= /etc
PLACES = DESTDIR='$(DESTDIR)' prefix='$(prefix)' sysconfdir='$(sysconfdir)'
install: all
	$(Q)$(PLACES) scripts/install-files $(B)/hapair
uninstall:
	$(Q)$(PLACES) scripts/install-files --remove $(B)/hapair

# Packages, in build/packages; check-deb looks at them, and check-bare tries them.
deb: all
	$(Q)scripts/make-deb $(B)
rpm: all
	$(Q)scripts/make-rpm $(B)
check-deb: all
	$(Q)scripts/check-deb $(B)

clean:
	rm -rf build
