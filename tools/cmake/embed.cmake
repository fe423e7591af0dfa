# Writes a C++ file with a constant for each of FILES, a list separated by commas; stats.html becomes kStatsHtml, as
# HEADER declares it:
#   cmake -DOUTPUT=page_assets.cc -DHEADER=dcp-inspect/page/assets.h -DFILES=page/trace.html,page/trace.css -P embed.cmake
string(REPLACE "," ";" files "${FILES}")
set(arrays "")
set(constants "")
foreach(file ${files})
  get_filename_component(base ${file} NAME_WE)
  get_filename_component(extension ${file} EXT)
  string(SUBSTRING ${extension} 1 -1 extension)
  set(name k)
  foreach(part ${base} ${extension})  # in camel case
    string(SUBSTRING ${part} 0 1 first)
    string(SUBSTRING ${part} 1 -1 rest)
    string(TOUPPER ${first} first)
    string(APPEND name ${first}${rest})
  endforeach()
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char ${name}Bytes[] = {${bytes}};\n")
  string(APPEND constants "const std::string_view ${name}(${name}Bytes, sizeof ${name}Bytes);\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nnamespace dcp::tools {\nnamespace {\n\n${arrays}\n}  // namespace\n\n"
                     "${constants}\n}  // namespace dcp::tools\n")
