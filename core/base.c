#include "core/base.h"

#include <stdlib.h>

void
free_str(char **s)
{
	free(*s);
	*s = NULL;
}
