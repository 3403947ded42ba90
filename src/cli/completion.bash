# Completes the hsap programs in bash. Flags and what they may be are read from --help, names from the
# files that ship, so that there is nothing here to keep in step.

# _hsap_names FOLDER: names of shipped files, of a source tree or of an installed program.
_hsap_names() {
  local here root
  here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
  for root in "$here/../.." "$here/../../hsap"; do
    [ -d "$root/$1" ] && find "$root/$1" -maxdepth 1 -type f -printf '%f\n' | sed -nE 's/\.(json|csv)$//p'
  done
}

# _hsap_values FLAG: what may follow it, after the help on stdin.
_hsap_values() {
  local kind
  kind=$(sed -nE "s/^ +(-[a-z],)?$1 ([^ ]+).*/\2/p" | head -1)
  case $kind in
    '') return 1 ;;
    'NAME|FILE')
      case $1 in
        --cluster | --like) _hsap_names topologies ;;
        --model) _hsap_names models ;;
        --trace) _hsap_names traces ;;
        --runtime) _hsap_names runtimes ;;
      esac ;;
    *'|'*) tr '|' '\n' <<<"$kind" | grep -E '^[a-z0-9]' ;;
  esac
  return 0
}

_hsap() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local program=${COMP_WORDS[0]} command=() help words list=
  help=$("$program" --help 2>/dev/null) || return
  words=$(sed -n '/^Subcommands:/,$s/^  \([a-z]*\) .*/\1/p' <<<"$help")
  if [ -n "$words" ] && [ "$COMP_CWORD" -gt 1 ]; then
    command=("${COMP_WORDS[1]}")
    help=$("$program" "${command[@]}" --help 2>/dev/null) || return
    words=
  fi
  COMPREPLY=()
  if [[ $previous == --* ]] && words=$(_hsap_values "$previous" <<<"$help"); then
    # The last of a list.
    [[ $current == *,* ]] && list=${current%,*},
  elif [[ $current == -* ]]; then
    words=$(grep -oE '^ +(-[a-z],)?--[a-z-]+' <<<"$help" | grep -oE -- '--[a-z-]+')
  fi
  mapfile -t COMPREPLY < <(compgen -P "$list" -W "$words" -- "${current#"$list"}")
}

# Where nothing fits, files do.
complete -o default -F _hsap hsap-sim hsap-tune hsap-plan hsap-topo hsap-validate
