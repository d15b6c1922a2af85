/*
 * Runs a target without libFuzzer: every file given, and every file of every directory given, in the order of their names. With
 * "-m N" before them each is run N times more, changed at random (PLAZO_SEED): no search, but enough to see that a build is not broken.
 * Prints one line a run; a target that does not hold ends the program.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "../prop.h"
#include "fuzz.h"

#define MAX_FILE (1u << 20)

static size_t n_runs, n_files;
static unsigned long n_mutants;
static struct prop dice;

/* In a block of exactly its size, so that a read past the end is one past the block. */
static void run_bytes(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	n_runs++;
}

/* A few bits and bytes, a piece that goes, a piece that comes twice. */
static size_t mutate(uint8_t *b, size_t len, size_t cap)
{
	for (size_t i = 1 + prop_below(&dice, 4); i > 0 && len > 0; i--) {
		size_t at = prop_below(&dice, len), n = 1 + prop_below(&dice, len - at < 16 ? len - at : 16);

		if (prop_chance(&dice, 40)) {
			b[at] ^= (uint8_t)(1u << prop_below(&dice, 8));
		} else if (prop_chance(&dice, 40)) {
			b[at] = (uint8_t)prop_u64(&dice);
		} else if (prop_chance(&dice, 50)) {
			memmove(b + at, b + at + n, len - at - n);
			len -= n;
		} else if (len + n <= cap) {
			memmove(b + at + n, b + at, len - at);
			len += n;
		}
	}
	return len;
}

static void run_file(const char *path)
{
	static uint8_t bytes[MAX_FILE], mutant[MAX_FILE];
	FILE *f = fopen(path, "rb");
	size_t len;

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	n_files++;
	run_bytes(bytes, len);
	for (unsigned long i = 0; i < n_mutants; i++) {
		memcpy(mutant, bytes, len);
		run_bytes(mutant, mutate(mutant, len, sizeof(mutant)));
	}
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void run_path(const char *path)
{
	struct dirent **names;
	struct stat st;
	int n;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		run_file(path);
		return;
	}
	n = scandir(path, &names, visible, alphasort);
	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		run_path(file);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

int main(int argc, char **argv)
{
	int i = 1;

	if (argc > 2 && strcmp(argv[1], "-m") == 0) {
		n_mutants = strtoul(argv[2], NULL, 10);
		dice = prop_begin(argv[0]);
		i = 3;
	}
	run_bytes((const uint8_t *)"", 0);
	for (; i < argc; i++)
		run_path(argv[i]);
	printf("%s: %zu files, %zu runs\n", argv[0], n_files, n_runs);
	return n_files > 0 ? 0 : 1;
}
