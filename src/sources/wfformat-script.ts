/**
 * The shell functions that all imported tasks share, as their `setup`. A task then reads
 *
 *     begin NAME INPUT...            reads the inputs and remembers a checksum of their content
 *     burn_ms N                      uses CPU until the task has used N milliseconds of it in all
 *     write_output NAME BYTES PATH   writes a file of that size
 *
 * CPU time, not wall time: a burn that waits for a core still does its work, so a loaded machine takes longer, as
 * it did when the run was recorded. It is read from the kernel's own account of this shell and of the commands it
 * has waited for (utime, stime, cutime, cstime, which Linux reports in hundredths of a second), so reading and
 * writing count towards it and the loop starts no process.
 *
 * A file begins with one line: task, output, checksum of the inputs. So its content follows from the task and
 * from what it read, and a change travels to the end of the graph. Zeros fill it up to the size. A file is never
 * shorter than its first line, whatever the scale.
 */
export const SHARED_SETUP = `begin() {
  task=$1
  shift
  checksum=none
  if [ "$#" -gt 0 ]; then
    checksum=$(printf '%s\\0' "$@" | xargs -0 cat -- | sha256sum | cut -c 1-64)
  fi
}
burn_ms() {
  local stat i goal used
  goal=$(($1 / 10))
  while true; do
    read -r -a stat < /proc/self/stat
    used=$((stat[13] + stat[14] + stat[15] + stat[16]))
    if [ "$used" -ge "$goal" ]; then break; fi
    for ((i = 0; i < 2000; i++)); do :; done
  done
}
write_output() {
  local line rest
  line="$task $1 $checksum"
  rest=$(($2 - \${#line} - 1))
  mkdir -p -- "$(dirname -- "$3")"
  printf '%s\\n' "$line" > "$3"
  if [ "$rest" -gt 0 ]; then head -c "$rest" /dev/zero >> "$3"; fi
}
`;
