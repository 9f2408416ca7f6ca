#include "core/secret.h"

#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* RFC 4231 s. 4.3 has HMAC-SHA-256 of a short key; padded with zeros to the
 * block it is the same as our 32-byte key that ends in zeros. */
static void
the_mac_is_hmac_sha256_cut_short(void **state)
{
	struct secret_key key = { .bytes = "Jefe" };
	uint8_t mac[SECRET_MAC_BYTES];
	static const uint8_t expected[] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60,
		0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7 };
	const char *text = "what do ya want for nothing?";

	(void)state;
	secret_mac(&key, text, strlen(text), mac);
	assert_memory_equal(mac, expected, sizeof(mac));
}

static void
derived_keys_differ_by_label_and_context(void **state)
{
	struct secret_key key, a, b, c, again;

	(void)state;
	secret_random(&key, sizeof(key));
	secret_derive(&key, "x", "yz", 2, &a);
	secret_derive(&key, "xy", "z", 1, &b);
	secret_derive(&key, "x", "yy", 2, &c);
	secret_derive(&key, "x", "yz", 2, &again);
	assert_false(secret_is_same(&a, &b, sizeof(a)));
	assert_false(secret_is_same(&a, &c, sizeof(a)));
	assert_true(secret_is_same(&a, &again, sizeof(a)));
}

static void
a_key_file_is_written_once_and_read_back(void **state)
{
	char path[SCRATCH_PATH_MAX], why[TRUSTED_PATH_WHY_MAX];
	struct secret_key key;
	struct secret_keys back;
	struct stat st;

	(void)state;
	(void)scratch_path("key", path);
	secret_random(&key, sizeof(key));
	assert_int_equal(secret_save(path, &key), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(secret_load(path, &back), 0);
	assert_int_equal(back.n, 1);
	assert_true(secret_is_same(&key, &back.all[0], sizeof(key)));
	assert_int_equal(secret_save(path, &key), -EEXIST);
	assert_int_equal(chmod(path, 0440), 0);
	assert_int_equal(secret_load(path, &back), -EPERM);
	assert_text(secret_fault(path, -EPERM, why),
	    "others can read it, its mode is 0440: chmod 0400 it");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(secret_load(path, &back), -ENOENT);
}

#define FIRST "0011223344556677889900112233445566778899001122334455667788990011"
#define SECOND                                                                 \
	"1111223344556677889900112233445566778899001122334455667788990011"
#define THIRD "2211223344556677889900112233445566778899001122334455667788990011"

static const struct row {
	const char *name, *text;
	int why;
} no_keys[] = {
	{ "empty", "", -EINVAL },
	{ "short", "00112233\n", -EINVAL },
	{ "one digit short",
	    "0011223344556677889900112233445566778899001122334455667788990a1\n",
	    -EINVAL },
	{ "not hexadecimal",
	    "zz11223344556677889900112233445566778899001122334455667788990011\n",
	    -EINVAL },
	{ "too long", FIRST "22\n", -EBADMSG },
	{ "an empty line", FIRST "\n\n", -EBADMSG },
	{ "an empty line first", "\n" FIRST "\n", -EBADMSG },
	{ "a carriage return", FIRST "\r\n", -EBADMSG },
	{ "two of them", FIRST "\r\n" SECOND "\r\n", -EBADMSG },
	{ "a blank", FIRST " \n", -EBADMSG },
	{ "a second that is none", FIRST "\n" FIRST "0", -EBADMSG },
	{ "a second that is short", FIRST "\n00112233\n", -EBADMSG },
	{ "three", FIRST "\n" SECOND "\n" THIRD "\n", -EBADMSG },
	{ "two in a line", FIRST SECOND "\n", -EBADMSG },
};

static void
what_is_no_key_file_is_refused(void **state)
{
	char why[TRUSTED_PATH_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(no_keys); i++) {
		char path[SCRATCH_PATH_MAX];
		struct secret_keys keys;

		test_row(no_keys[i].name);
		(void)scratch_write("none", no_keys[i].text, 0600, path);
		assert_int_equal(secret_load(path, &keys), no_keys[i].why);
	}
	assert_non_null(strstr(secret_fault("/", -EBADMSG, why),
	    "lines of 64 hexadecimal digits"));
	assert_non_null(
	    strstr(secret_fault("/", -EINVAL, why), "holds no key"));
}

static void
a_second_key_may_follow_that_is_another(void **state)
{
	static const char *const two[] = { FIRST "\n" SECOND "\n",
		FIRST "\n" SECOND };
	char path[SCRATCH_PATH_MAX], why[TRUSTED_PATH_WHY_MAX];
	struct secret_keys keys;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(two); i++) {
		(void)scratch_write("two", two[i], 0600, path);
		assert_int_equal(secret_load(path, &keys), 0);
		assert_int_equal(keys.n, 2);
		assert_int_equal(keys.all[0].bytes[0], 0);
		assert_int_equal(keys.all[1].bytes[0], 0x11);
	}
	(void)scratch_write("twice", FIRST "\n" FIRST "\n", 0600, path);
	assert_int_equal(secret_load(path, &keys), -ENOTUNIQ);
	assert_non_null(strstr(secret_fault(path, -ENOTUNIQ, why), "twice"));
}

/* Into room for seven characters, the end of the line among them. */
static const struct {
	const char *name, *text, *line;
	mode_t mode;
} password_rows[] = {
	{ "a line", "secret\n", "secret", 0400 },
	{ "with blanks, and no end", " a b ", " a b ", 0600 },
	{ "from elsewhere", "secret\r\n", "secret", 0600 },
	{ "only the first counts", "a\nb\n", "a", 0600 },
	{ "one too long", "secret7\n", NULL, 0600 },
	{ "longer still", "secret78\n", NULL, 0600 },
	{ "nothing", "", NULL, 0600 },
	{ "an empty line", "\nsecret\n", NULL, 0600 },
	{ "others may read it", "secret\n", NULL, 0640 },
};

static void
a_password_is_a_line_that_others_cannot_read(void **state)
{
	char path[SCRATCH_PATH_MAX], line[8];

	(void)state;
	(void)scratch_path("password", path);
	assert_int_equal(secret_load_line(path, line, sizeof(line)), -ENOENT);
	for (size_t i = 0; i < ARRAY_LEN(password_rows); i++) {
		const char *wanted = password_rows[i].line;
		int r;

		test_row(password_rows[i].name);
		(void)scratch_write("password", password_rows[i].text,
		    password_rows[i].mode, path);
		r = secret_load_line(path, line, sizeof(line));
		if (wanted != NULL)
			assert_text(line, wanted);
		else
			assert_int_equal(r,
			    password_rows[i].mode == 0640 ? -EPERM : -EINVAL);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(secret_load_line(path, line, sizeof(line)), -EINVAL);
}

/* RFC 4648, section 10. */
static const struct {
	const char *bytes, *text;
} base64_rows[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foob", "Zm9vYg==" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xfb\xff", "+/8=" },
};

static void
base64_has_its_padding(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(base64_rows); i++) {
		const char *bytes = base64_rows[i].bytes;
		CLEANUP(free_str)
		char *text = secret_base64(bytes, strlen(bytes));

		assert_text(text, base64_rows[i].text);
	}
}

static void
what_is_sealed_is_opened_with_its_key_alone(void **state)
{
	static const char text[] = "a password, perhaps";
	struct secret_key key = { { 1 } }, other = { { 2 } };
	uint8_t sealed[sizeof(text) + SECRET_SEAL_BYTES], again[sizeof(sealed)];
	char opened[sizeof(text)];

	(void)state;
	secret_seal(&key, text, sizeof(text), sealed);
	secret_seal(&key, text, sizeof(text), again);
	assert_memory_not_equal(sealed, again, sizeof(sealed));
	assert_null(memmem(sealed, sizeof(sealed), "password", 8));
	assert_int_equal(
	    secret_unseal(&key, sealed, sizeof(sealed), opened), 0);
	assert_memory_equal(opened, text, sizeof(text));
	assert_int_equal(
	    secret_unseal(&other, sealed, sizeof(sealed), opened), -EBADMSG);
	for (size_t len = 0; len < sizeof(sealed); len++)
		assert_int_equal(
		    secret_unseal(&key, sealed, len, opened), -EBADMSG);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		assert_int_equal(
		    secret_unseal(&key, sealed, sizeof(sealed), opened),
		    -EBADMSG);
		sealed[i] ^= 1;
	}
}

static void
a_numbered_seal_is_good_as_that_number_alone(void **state)
{
	struct secret_key key, other;
	uint8_t sealed[5 + SECRET_TAG_BYTES], again[sizeof(sealed)];
	uint8_t opened[5];

	(void)state;
	secret_random(&key, sizeof(key));
	secret_random(&other, sizeof(other));
	secret_seal_numbered(&key, 256, "head", 4, "hello", 5, sealed);
	secret_seal_numbered(&key, 1, "head", 4, "hello", 5, again);
	assert_memory_not_equal(sealed, again, sizeof(sealed));
	assert_int_equal(secret_unseal_numbered(&key, 256, "head", 4, sealed,
	                     sizeof(sealed), opened),
	    0);
	assert_memory_equal(opened, "hello", 5);
	assert_int_equal(secret_unseal_numbered(&key, 1, "head", 4, sealed,
	                     sizeof(sealed), opened),
	    -EBADMSG);
	assert_int_equal(secret_unseal_numbered(&key, 256, "hand", 4, sealed,
	                     sizeof(sealed), opened),
	    -EBADMSG);
	assert_int_equal(secret_unseal_numbered(&other, 256, "head", 4, sealed,
	                     sizeof(sealed), opened),
	    -EBADMSG);
	assert_int_equal(secret_unseal_numbered(&key, 256, "head", 4, sealed,
	                     SECRET_TAG_BYTES - 1, opened),
	    -EBADMSG);
	/* In its own place, as frames are. */
	assert_int_equal(secret_unseal_numbered(&key, 256, "head", 4, sealed,
	                     sizeof(sealed), sealed),
	    0);
	assert_memory_equal(sealed, "hello", 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_mac_is_hmac_sha256_cut_short),
		cmocka_unit_test(derived_keys_differ_by_label_and_context),
		cmocka_unit_test(a_key_file_is_written_once_and_read_back),
		cmocka_unit_test(what_is_no_key_file_is_refused),
		cmocka_unit_test(a_second_key_may_follow_that_is_another),
		cmocka_unit_test(a_password_is_a_line_that_others_cannot_read),
		cmocka_unit_test(base64_has_its_padding),
		cmocka_unit_test(what_is_sealed_is_opened_with_its_key_alone),
		cmocka_unit_test(a_numbered_seal_is_good_as_that_number_alone),
	};

	if (secret_init() < 0)
		return 1;
	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}
