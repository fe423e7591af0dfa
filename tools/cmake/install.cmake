# Install rules: the library, its headers, the CMake package with which find_package(dcp) gives dcp::dcp, and dcp.pc for
# pkg-config.
# The tools install themselves in tools/CMakeLists.txt.
include(CMakePackageConfigHelpers)

set(dcp_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/dcp)
set(dcp_needs_hwy OFF)
if(TARGET hwy::hwy)
  set(dcp_needs_hwy ON)
endif()

install(TARGETS dcp EXPORT dcp-targets)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/dcp TYPE INCLUDE)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE TYPE DOC)
install(EXPORT dcp-targets NAMESPACE dcp:: DESTINATION ${dcp_package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/dcp-config.cmake.in ${PROJECT_BINARY_DIR}/dcp-config.cmake
                              INSTALL_DESTINATION ${dcp_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/dcp-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/dcp-config.cmake ${PROJECT_BINARY_DIR}/dcp-config-version.cmake
        DESTINATION ${dcp_package_dir})

# dcp.pc finds its tree from where it lies. A static libdcp leaves its libraries to whoever links it.
file(RELATIVE_PATH dcp_pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" dcp_pc_prefix "${dcp_pc_prefix}")
set(dcp_pc_libs "")
if(NOT BUILD_SHARED_LIBS)
  if(dcp_needs_hwy)
    string(APPEND dcp_pc_libs " -lhwy")
  endif()
  string(APPEND dcp_pc_libs " -pthread")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/dcp.pc.in ${PROJECT_BINARY_DIR}/dcp.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/dcp.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
