# Sourced by quickstart.sh and test.sh: goes to the top of the checkout, and offers install_packages and build.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# install_packages PACKAGE...: installs with apt what is missing besides a compiler, CMake and Ninja. Without apt, or
# the right to use it, only the commands are indispensable: CMake fetches the source of absent libraries. What follows
# --optional is installed where the system has such packages.
install_packages() {
  local commands=() libraries=() wanted=() as_root=() package optional=no
  command -v c++ >/dev/null || commands+=(g++)
  command -v cmake >/dev/null || commands+=(cmake)
  command -v ninja >/dev/null || command -v make >/dev/null || commands+=(ninja-build)
  if command -v dpkg-query >/dev/null; then
    for package in "$@"; do
      if [ "$package" = --optional ]; then
        optional=yes
      elif ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
        if [ $optional = yes ]; then wanted+=("$package"); else libraries+=("$package"); fi
      fi
    done
  fi
  if [ $((${#commands[@]} + ${#libraries[@]} + ${#wanted[@]})) -eq 0 ]; then
    return
  fi
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  if command -v apt-get >/dev/null && command -v "${as_root[@]:-true}" >/dev/null; then
    "${as_root[@]}" apt-get update -qq
    for package in "${wanted[@]}"; do
      if [[ $(LC_ALL=C apt-cache policy "$package") == *"Candidate: "[!\(]* ]]; then libraries+=("$package"); fi
    done
    [ $((${#commands[@]} + ${#libraries[@]})) -gt 0 ] || return 0
    echo "Installing ${commands[*]} ${libraries[*]}" >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
      "${commands[@]}" "${libraries[@]}" >/dev/null
  elif [ ${#commands[@]} -gt 0 ]; then
    echo "Please install and run again (no apt here, or neither root nor sudo): ${commands[*]} ${libraries[*]}" >&2
    exit 1
  fi
}

# build TARGET... [-- CMAKE_OPTION...]: a release build in build/.
build() {
  local targets=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    targets+=("$1")
    shift
  done
  shift || true
  if [ ! -f build/CMakeCache.txt ] && command -v ninja >/dev/null; then
    export CMAKE_GENERATOR=Ninja
  fi
  cmake --preset release "$@" >&2
  cmake --build build --parallel "$(nproc)" --target "${targets[@]}" >&2
}
