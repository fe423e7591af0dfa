# Makes of the comments of a public header what Doxygen reads: a comment before a declaration becomes ///, one behind it,
# with the lines that it goes on in, ///<, and the one at the top describes the file. Backslashes in them are meant.
NR == 1 && /^\/\// { print "/// @file" }

/^ *\/\// {
  if (index($0, "//") != behind) behind = 0
  gsub(/\\/, "&&")
  sub("//", behind ? "///<" : "///")
  print
  next
}

match($0, /[^ ]  +\/\/ /) && !/^(#(if|endif|else)|})/ {
  behind = index($0, "// ")
  sub("// ", "///< ")
  print
  next
}

{
  behind = 0
  print
}
