// Which names a shared libdcp shows. All others are hidden: a program can neither call them by mistake nor replace
// them.
#ifndef DCP_EXPORT_H_
#define DCP_EXPORT_H_

// Before the name of a class, or before a function, of the public interface. Libraries are compiled with hidden
// visibility; what is marked is part of the ABI, and stands in tests/api/symbols.txt.
#if defined(__GNUC__)
#define DCP_EXPORT __attribute__((visibility("default")))
#else
#define DCP_EXPORT
#endif

// Before the name of a class within such a class that is nobody else's business.
#if defined(__GNUC__)
#define DCP_HIDDEN __attribute__((visibility("hidden")))
#else
#define DCP_HIDDEN
#endif

#endif  // DCP_EXPORT_H_
