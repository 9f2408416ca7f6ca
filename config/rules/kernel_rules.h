#pragma once

/* What `path: kernel` asks of the other keys. See rules.h. */

struct rules;

void kernel_rules_check(struct rules *r);
