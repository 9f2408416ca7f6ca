#include "director/bpf/director_object.h"

/* libbpf wants it aligned as ELF is. */
__asm__(".pushsection .rodata\n"
        ".balign 16\n"
        ".global director_object_start, director_object_end\n"
        "director_object_start:\n"
        ".incbin \"" DIRECTOR_OBJECT "\"\n"
        "director_object_end:\n"
        ".popsection\n");
