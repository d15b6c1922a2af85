#include "web/auth.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#define MAX_GROUPS 1024

const struct operator *auth_bearer(const struct config *cfg, struct str authorization)
{
	static const struct str scheme = { "bearer", 6 };
	unsigned char given[SHA256_DIGEST_LENGTH], ours[SHA256_DIGEST_LENGTH];
	const struct operator *found = NULL;
	struct str token = authorization, head;

	if (!str_cut(&token, ' ', &head) || !str_eq_nocase(head, scheme))
		return NULL;
	token = str_trim(token);
	/* Digests have one length, so comparing them tells nothing of how much of a token was right. */
	SHA256((const unsigned char *)token.p, token.len, given);
	for (size_t i = 0; i < cfg->server.n_operators; i++) {
		const struct operator *op = &cfg->server.operators[i];

		SHA256((const unsigned char *)op->token.bytes.p, op->token.bytes.len, ours);
		if (CRYPTO_memcmp(given, ours, sizeof(ours)) == 0 && op->token.bytes.len > 0)
			found = op;
	}
	return found;
}

static bool is_member(uid_t uid, gid_t gid, gid_t group)
{
	struct passwd pw, *found = NULL;
	gid_t groups[MAX_GROUPS];
	int n = MAX_GROUPS;
	char text[4096];

	if (gid == group)
		return true;
	if (getpwuid_r(uid, &pw, text, sizeof(text), &found) != 0 || found == NULL)
		return false;
	if (getgrouplist(pw.pw_name, pw.pw_gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

bool auth_user(uid_t uid, gid_t gid, gid_t group)
{
	return uid == 0 || uid == geteuid() || is_member(uid, gid, group);
}

void auth_user_name(uid_t uid, struct buf *out)
{
	struct passwd pw, *found = NULL;
	char text[4096];

	if (getpwuid_r(uid, &pw, text, sizeof(text), &found) == 0 && found != NULL)
		buf_puts(out, pw.pw_name);
	else
		buf_printf(out, "uid %u", (unsigned)uid);
}
