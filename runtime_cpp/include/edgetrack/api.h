/* What a shared libedgetrack exports; nothing else leaves it. */
#ifndef EDGETRACK_API_H
#define EDGETRACK_API_H

#define EDGETRACK_VERSION "0.1.0"
#define EDGETRACK_VERSION_MAJOR 0
#define EDGETRACK_VERSION_MINOR 1
#define EDGETRACK_VERSION_PATCH 0

#ifdef __GNUC__
#define EDGETRACK_API __attribute__((visibility("default")))
#define EDGETRACK_INSIDE __attribute__((visibility("hidden")))
#else
#define EDGETRACK_API
#define EDGETRACK_INSIDE
#endif

#endif
