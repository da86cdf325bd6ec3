_qmpsh_complete() {
    local rest=$COMP_LINE blanks piece head= i
    local -a words=()
    # The pieces up to the cursor, as words; `head` is the beginning of the last that is not to be replaced.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        piece=${COMP_WORDS[i]}
        blanks=${rest%%[![:space:]]*}
        rest=${rest#"$blanks"}
        rest=${rest#"$piece"}
        if [[ -n $blanks || ${#words[@]} -eq 0 ]] ||
            [[ ! $piece =~ ^[=:@]+$ && ! ${words[${#words[@]} - 1]} =~ [=:@]$ ]]; then
            head=
            words+=("")
        fi
        if ((i == COMP_CWORD)) && ! [[ -z $2 && $piece =~ ^[=:]+$ ]]; then
            piece=$2
            # An @ is replaced together with what follows it.
            [[ $piece != @* ]] || head=${head%@}
            words[${#words[@]} - 1]=$head$piece
        else
            head+=$piece
            words[${#words[@]} - 1]=$head
        fi
    done
    COMPREPLY=()
    local reply
    while IFS= read -r reply || [[ -n $reply ]]; do
        reply=${reply#"$head"}
        # What stands there already adds nothing, not even the blank behind a word.
        [[ -z $reply ]] || COMPREPLY+=("$reply")
    done < <(
        _CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((${#words[@]} - 1)) VAR=bash \
            COMPLETER -- "${words[@]}"
    )
    compopt +o nospace
    if [[ ${COMPREPLY-} =~ [=/:]$ ]]; then
        compopt -o nospace
    fi
}
if ((BASH_VERSINFO[0] > 4 || BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4)); then
    complete -o nospace -o bashdefault -o nosort -F _qmpsh_complete BIN
else
    complete -o nospace -o bashdefault -F _qmpsh_complete BIN
fi
