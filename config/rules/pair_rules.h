#pragma once

/*
 * The rules of rules.h for the part of the file under `pair`; only where there
 * is one.
 */

struct rules;

void pair_rules_check(struct rules *r);
