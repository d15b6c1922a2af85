# bash completion of plazoctl. It asks plazoctl itself for commands and options, so it knows those of the version that is installed.

_plazoctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=() w
	COMPREPLY=()
	case $prev in
	-c|--socket|--token-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return ;;
	--order)
		mapfile -t COMPREPLY < <(compgen -W 'due name' -- "$cur")
		return ;;
	--until|--source|--url|--contract|--after|--ticket|--receiver|--reason|--by|--limit)
		return ;;
	esac
	for w in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $w == -* ]] || words+=("$w")
	done
	if [[ $cur == -* ]]; then
		# Of one command if there is one already, else all there are.
		mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "${words[@]:0:2}" --help 2>/dev/null | sed -n 's/^  \(-[a-z-]*\).*/\1/p')" -- "$cur")
		return
	fi
	# The words of a command, behind those that stand there: "  plazoctl calendar add CAL FROM" gives calendar, then add.
	mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --help 2>/dev/null | awk -v have="${words[*]}" '
		$1 == "plazoctl" {
			n = split(have, want, " ")
			for (i = 1; i <= n; i++) if ($(i + 1) != want[i]) next
			if ($(n + 2) ~ /^[a-z]+(-[a-z]+)*$/) print $(n + 2)
		}' | sort -u)" -- "$cur")
	[[ ${#COMPREPLY[@]} -gt 0 || ${#words[@]} -eq 0 ]] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _plazoctl plazoctl
