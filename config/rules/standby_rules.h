#pragma once

/*
 * The rules of standby services, alone and in their groups. Of rules.c: what
 * stands there holds here.
 */

struct config;
struct diag;
struct source_marks;

void standby_rules_check(const struct config *c,
    const struct source_marks *marks, struct diag *diag);
