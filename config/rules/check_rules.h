#pragma once

/* What the keys of a check ask of each other. */

struct config_service;
struct diag;
struct source_marks;

void check_rules_check(const struct config_service *service,
    const struct source_marks *marks, struct diag *diag);
