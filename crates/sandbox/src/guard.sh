# Runs one server and ends with the process that asked for it, however that ends.
#
# Arguments: the folder to remove at the end (or ""), the signal that ends the server, the log file, then the server's
# command. Standard input carries one order a line, each answered by one line; the end of input, which the kernel
# brings about when the asking process is gone, ends the server and removes the folder.
#   start         runs the command, answers its process id
#   signal NAME   sends it a signal, answers `sent`
#   wait          waits until it has ended, answers `ended STATUS`
folder=$1 end_signal=$2 log=$3
shift 3
server=
while read -r order name; do
    case $order in
    start)
        "$@" </dev/null >>"$log" 2>&1 &
        server=$!
        echo "$server"
        ;;
    signal)
        if [ -n "$server" ]; then kill -s "$name" "$server" 2>/dev/null; fi
        echo sent
        ;;
    wait)
        status=0
        if [ -n "$server" ]; then wait "$server" 2>/dev/null || status=$?; fi
        server=
        echo "ended $status"
        ;;
    esac
done
if [ -n "$server" ]; then
    kill -s "$end_signal" "$server" 2>/dev/null
    kill -s CONT "$server" 2>/dev/null
    wait "$server" 2>/dev/null
fi
if [ -n "$folder" ]; then rm -rf "$folder"; fi
