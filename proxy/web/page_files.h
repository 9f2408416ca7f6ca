#pragma once

/*
 * The page's own files, as they lie beside this one, built into the program:
 * page.html with its two markers, page.css and the scripts.
 */

#include "core/base.h"

/* In page.html: where the title and the tables go. */
#define PAGE_FILES_TITLE "<!--TITLE-->"
#define PAGE_FILES_BODY "<!--BODY-->"

struct page_files_text {
	const char *text;
	size_t len;
};

struct page_files_text page_files_html(void);
struct page_files_text page_files_style(void);
struct page_files_text page_files_script(void);
struct page_files_text page_files_draw(void);
struct page_files_text page_files_services(void);
