# awk -v dir=DIR -f readme_project.awk README.md docs/*.md: writes the README's ```cmake block to DIR/CMakeLists.txt and the
# ```cpp blocks of all files to DIR/main.cc, DIR/main2.cc, ...; the programs after the first are added to the project, and
# run as it is built.
/^```cmake$/ {
  projects++
  file = project = dir "/CMakeLists.txt"
  next
}
/^```cpp$/ {
  programs++
  file = dir "/main" (programs > 1 ? programs : "") ".cc"
  printf "#line %d \"%s\"\n", FNR + 1, FILENAME > file
  next
}
/^```/ { file = "" }
file != "" { print > file }

END {
  if (projects != 1 || programs < 2) {
    printf "%d cmake blocks (expected one) and %d cpp blocks (expected some)\n", projects, programs
    exit 1
  }
  for (i = 2; i <= programs; i++) {
    printf "add_executable(main%d main%d.cc)\n", i, i > project
    printf "target_link_libraries(main%d PRIVATE dcp::dcp)\n", i > project
    printf "add_custom_command(TARGET main%d POST_BUILD COMMAND main%d WORKING_DIRECTORY ${RUN_IN})\n", i, i > project
  }
}
