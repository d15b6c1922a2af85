"""What README.md shows works as it stands there: its configuration loads, and its shell commands get an event accepted."""
import re
import subprocess

import harness
from harness import Case


def block(language):
	return re.search(rf"^```{language}\n(.*?)^```", (harness.ROOT / "README.md").read_text(), re.M | re.S).group(1)


class Readme(Case):
	def test_configuration_and_first_event(self):
		secrets = self.d.dir / "secrets"
		secrets.mkdir()
		for name in ("ops", "helpdesk"):
			(secrets / name).write_text(harness.SECRET + "\n")

		def here(text):
			return text.replace("/etc/plazo/secrets", str(secrets)).replace("/var/lib/plazo", str(self.d.dir)) \
				.replace("127.0.0.1:8970", f"127.0.0.1:{self.d.port}")
		conf = here(block("yaml")).replace("server: {", f"server: {{socket: {self.d.socket}, ")
		self.d.write_text(conf)
		p = harness.plazoctl("check", "-c", str(self.d.conf))
		self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
		self.d.start()
		shell = here(block("sh"))
		for want in ('{"accepted":1,"duplicates":0}', "409|duplicates"):
			p = subprocess.run(["bash", "-euc", shell], capture_output=True, text=True, timeout=20 * harness.PATIENCE, check=False)
			self.assertRegex(p.stdout, re.escape(want) if want.startswith("{") else want, p.stderr)
		self.assertEqual(self.d.ctl("ticket", "INC-1").returncode, 0)

	def test_every_command_is_known(self):
		for row in re.findall(r"^\| `([a-z][a-z -]*?)(?= [A-Z\[]|`)", (harness.ROOT / "README.md").read_text(), re.M):
			if row in ("id", "ticket", "type", "at", "contract", "actor", "public", "mode", "into") or row.startswith("priority "):
				continue
			p = subprocess.run([str(harness.BUILD / "plazoctl"), *row.split(), "--help"], capture_output=True, text=True, timeout=10 * harness.PATIENCE, check=False)
			self.assertEqual(p.returncode, 0, f"{row}: {p.stdout}{p.stderr}")


if __name__ == "__main__":
	harness.main()
